"""What the tests of connections share: databases that hold an application's table and the ledger's."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from notifyhub.ledger.connections import connected
from notifyhub.ledger.sql.migration import migrate
from notifyhub.ledger.sql.store import Dialect
from tests.ledger.connections.applications import Application
from tests.ledger.connections.sqlalchemy_applications import APPLICATIONS
from tests.servers.postgres import MISSING, PostgresServer, available, postgres

ORDERS = "CREATE TABLE orders (number TEXT NOT NULL PRIMARY KEY)"


@dataclass(frozen=True, slots=True)
class Database:
    """A database that an application and the ledger share. rows: what a query from outside finds in it."""

    backend: str
    url: str
    rows: Callable[[str], list[tuple[Any, ...]]]

    @property
    def ledger(self) -> str:
        """The same database, as the ledger's setting names it."""
        return f"sqlite:///{self.url}" if self.backend == "sqlite" else self.url

    @property
    def kept(self) -> tuple[int, int]:
        """How many orders there are, and how many deliveries."""
        ((orders,),) = self.rows("SELECT count(*) FROM orders")
        ((deliveries,),) = self.rows("SELECT count(*) FROM notifyhub_deliveries")
        return orders, deliveries


@pytest.fixture(scope="session")
def connections_server() -> Iterator[PostgresServer]:
    """A server whose database `shop` has the tables, to be copied for each test."""
    if not available():
        pytest.skip(MISSING)
    psycopg = pytest.importorskip("psycopg")
    with postgres(fsync=False) as server:
        with psycopg.connect(server.create("shop")) as connection:
            connection.execute(ORDERS)
            connected(connection).run(migrate(Dialect("postgresql")))
        yield server


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Database:
    """A new SQLite file."""
    path = str(tmp_path / "shop.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("BEGIN")
        connection.execute(ORDERS)
        connected(connection).run(migrate(Dialect("sqlite")))

    def rows(sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as reader:
            return reader.execute(sql).fetchall()

    return Database("sqlite", path, rows)


class Shops:
    """Databases like `shop`, one for a test at a time. Copying one takes longer than most of the tests: what
    a test leaves is emptied and given to another one, if it is then in nothing different from a new copy.
    """

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._spare: list[str] = []
        self._numbers = itertools.count(1)
        with self._connected("shop") as connection:
            self._new = connection.execute(_MADE).fetchall()
            self._tables = [table for (table,) in connection.execute(_FILLED)]

    def take(self) -> str:
        if self._spare:
            return self._spare.pop()
        name = f"shop_{next(self._numbers)}"
        self._server.create(name, template="shop")
        return name

    def give_back(self, name: str) -> None:
        with self._connected(name) as connection:
            ended = not connection.execute(_REMAINING).fetchall()
            as_new = connection.execute(_MADE).fetchall() == self._new
            if ended and as_new:
                for table in self._tables:
                    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
        if ended and as_new:
            self._spare.append(name)
        else:
            self._server.drop(name)

    def _connected(self, name: str) -> Any:
        import psycopg

        return psycopg.connect(self._server.url(name), autocommit=True)


_FILLED = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'notifyhub_meta'
"""
_REMAINING = """
WITH others AS MATERIALIZED (
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
)
SELECT pid FROM others WHERE NOT pg_terminate_backend(pid, 5000)
"""
"""Ends the connections that a test has left: they must not reach into the next one. Tells those that stay."""
_MADE = """
SELECT count(*), md5(string_agg(made::text, ' ' ORDER BY made::text COLLATE "C")) FROM (
SELECT 'class', oid::bigint, xmin::text FROM pg_class WHERE oid >= 16384
UNION ALL SELECT 'column', attrelid::bigint, xmin::text FROM pg_attribute WHERE attrelid >= 16384
UNION ALL SELECT 'constraint', oid::bigint, xmin::text FROM pg_constraint WHERE oid >= 16384
UNION ALL SELECT 'default', oid::bigint, xmin::text FROM pg_attrdef WHERE oid >= 16384
UNION ALL SELECT 'function', oid::bigint, xmin::text FROM pg_proc WHERE oid >= 16384
UNION ALL SELECT 'schema', oid::bigint, xmin::text FROM pg_namespace WHERE oid >= 16384
UNION ALL SELECT 'trigger', oid::bigint, xmin::text FROM pg_trigger WHERE oid >= 16384
UNION ALL SELECT 'type', oid::bigint, xmin::text FROM pg_type WHERE oid >= 16384
UNION ALL SELECT 'setting', setrole::bigint, setconfig::text FROM pg_db_role_setting
UNION ALL SELECT name, 0, value FROM notifyhub_meta) made
"""
"""Which version there is of all that the catalogues list, but what came with the server, and the schema's."""


@pytest.fixture(scope="session")
def postgres_shops(connections_server: PostgresServer) -> Shops:
    """The databases on the PostgreSQL server."""
    return Shops(connections_server)


@pytest.fixture
def postgres_shop(connections_server: PostgresServer, postgres_shops: Shops) -> Iterator[Database]:
    """A database on the PostgreSQL server: the tables, and nothing in them."""
    name = postgres_shops.take()
    url = connections_server.url(name)
    yield Database("postgresql", url, lambda sql: connections_server.execute(sql, name))
    postgres_shops.give_back(name)


@pytest.fixture(params=APPLICATIONS, ids=lambda application: application.name)
def application(request: pytest.FixtureRequest) -> Application:
    """Each application in its turn; skipped by the name of the library that is missing."""
    application: Application = request.param
    if application.missing:
        pytest.skip(f"{application.name} needs {application.missing}")
    return application


@pytest.fixture
def database(application: Application, request: pytest.FixtureRequest) -> Database:
    """The database that this application uses."""
    shop: Database = request.getfixturevalue(
        "sqlite_shop" if application.backend == "sqlite" else "postgres_shop"
    )
    return shop
