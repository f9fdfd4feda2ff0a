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


_numbers = itertools.count(1)


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


@pytest.fixture
def postgres_shop(connections_server: PostgresServer) -> Iterator[Database]:
    """A new database on the PostgreSQL server."""
    name = f"shop_{next(_numbers)}"
    url = connections_server.create(name, template="shop")
    yield Database("postgresql", url, lambda sql: connections_server.execute(sql, name))
    connections_server.drop(name)


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
