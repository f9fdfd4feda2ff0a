"""The schema: numbered steps, the same on both databases, whoever runs them."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from notifyhub.errors import LedgerUnavailable, SchemaError
from notifyhub.ledger.connections import connected
from notifyhub.ledger.postgres import POSTGRESQL, PostgresStore
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.finding import by_id
from notifyhub.ledger.sql.migration import check, migrate, migrations, status
from notifyhub.ledger.sql.rows import INSERT, job_of, row_of
from notifyhub.ledger.sql.script import Row, Script, Statement
from notifyhub.ledger.sql.store import Dialect
from tests.ledger.deliveries import Clock, queued
from tests.servers.postgres import PostgresServer

Answer = TypeVar("Answer")
SQLITE = Dialect(name="sqlite")


class Database:
    """One empty database, to which scripts are given one transaction at a time."""

    def __init__(self, dialect: Dialect, transaction: Callable[[Script[Any]], Any]) -> None:
        self.dialect = dialect
        self._transaction = transaction

    def run(self, script: Script[Answer]) -> Answer:
        """Run a script on a connection of its own and commit, or roll back where it raises."""
        answer: Answer = self._transaction(script)
        return answer

    def statement(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement."""

        def script() -> Script[Any]:
            return (yield Statement(sql))

        return [tuple(row) for row in self.run(script())]

    def tables(self) -> set[str]:
        """The names of the tables there are."""
        where = {
            "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
            "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        }
        return {name for (name,) in self.statement(where[self.dialect.name])}


@contextmanager
def _sqlite(path: Path) -> Iterator[Database]:
    def transaction(script: Script[Any]) -> Any:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                answer = connected(connection).run(script)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            return answer

    yield Database(SQLITE, transaction)


@contextmanager
def _postgres(server: PostgresServer) -> Iterator[Database]:
    import asyncpg

    url = server.create("migrating")

    async def transaction(script: Script[Any]) -> Any:
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                return await connected(connection).run(script)
        finally:
            await connection.close()

    try:
        yield Database(POSTGRESQL, lambda script: asyncio.run(transaction(script)))
    finally:
        server.drop("migrating")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        with _sqlite(tmp_path / "app.db") as database:
            yield database
    else:
        with _postgres(request.getfixturevalue("ledger_postgres")) as database:
            yield database


def test_a_fresh_database_is_brought_to_the_latest_version(database: Database) -> None:
    """An empty database is told from others, and has every table and the version after one run."""
    before = database.run(status(database.dialect))
    assert (before.empty, before.current) == (True, 0)
    assert before.pending == tuple(each.name for each in migrations(database.dialect.name))
    assert database.run(migrate(database.dialect)) == before.pending
    after = database.run(status(database.dialect))
    assert (after.current, after.pending, after.empty) == (after.latest, (), False)
    assert {"notifyhub_deliveries", "notifyhub_parked", "notifyhub_meta"} <= database.tables()
    database.run(check(database.dialect))


def test_migrating_twice_does_nothing_more(database: Database) -> None:
    """A second run finds nothing to do and says so."""
    database.run(migrate(database.dialect))
    assert database.run(migrate(database.dialect)) == ()


def test_two_that_migrate_at_once_do_it_once(database: Database) -> None:
    """Of eight runs at the same moment one does the work, and the others wait and find it done."""
    done: list[tuple[str, ...]] = []
    start = threading.Barrier(8)

    def one() -> None:
        start.wait()
        done.append(database.run(migrate(database.dialect)))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, done)) == [0] * 7 + [len(migrations(database.dialect.name))]


def test_missing_tables_name_the_command(database: Database) -> None:
    """Where there are no tables of ours the error says which command makes them."""
    with pytest.raises(SchemaError, match=r"missing.*`notifyhub ledger migrate`"):
        database.run(check(database.dialect))


def test_an_older_schema_names_the_command(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that a former version made is refused until it is migrated, and then does."""
    database.run(migrate(database.dialect))
    latest = migrations(database.dialect.name)[-1].number
    more = _add_a_migration(monkeypatch, "ALTER TABLE notifyhub_replies ADD COLUMN mood TEXT")
    needs = rf"at version {latest}.* needs {latest + 1}; run `notifyhub ledger migrate`"
    with pytest.raises(SchemaError, match=needs):
        database.run(check(database.dialect))
    assert database.run(status(database.dialect)).pending == (more,)
    assert database.run(migrate(database.dialect)) == (more,)
    assert database.statement("SELECT mood FROM notifyhub_replies") == []
    database.run(check(database.dialect))


def test_a_newer_schema_is_refused(database: Database) -> None:
    """Tables that a later version made are neither used nor touched: the error says to upgrade."""
    database.run(migrate(database.dialect))
    database.statement("UPDATE notifyhub_meta SET value = '99' WHERE name = 'schema'")
    for script in (check, migrate):
        with pytest.raises(SchemaError, match=r"at version 99.*upgrade notifyhub-core"):
            database.run(script(database.dialect))


def test_a_migration_that_breaks_leaves_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pending steps happen or none: after a statement that fails the tables are as before."""
    _add_a_migration(
        monkeypatch, "CREATE TABLE notifyhub_more (id TEXT)", "CREATE TABLE notifyhub_more (id TEXT)"
    )
    with pytest.raises(LedgerUnavailable):
        database.run(migrate(database.dialect))
    assert database.tables() == set()


def test_an_applications_own_tables_stay(database: Database) -> None:
    """In an application's database the ledger's tables are made beside the others, which stay as they are."""
    database.statement("CREATE TABLE orders (id TEXT PRIMARY KEY)")
    database.statement("INSERT INTO orders (id) VALUES ('A7')")
    found = database.run(status(database.dialect))
    assert (found.current, found.empty) == (0, False)
    database.run(migrate(database.dialect))
    assert database.statement("SELECT id FROM orders") == [("A7",)]
    assert all(name == "orders" or name.startswith("notifyhub_") for name in database.tables())


def test_both_databases_have_the_same_columns() -> None:
    """A script written once finds the same tables and columns on both."""
    texts = {
        backend: [each.statements for each in migrations(backend)] for backend in ("sqlite", "postgresql")
    }
    names = {backend: [each.name for each in migrations(backend)] for backend in texts}
    assert names["sqlite"] == names["postgresql"]
    assert _columns(texts["sqlite"]) == _columns(texts["postgresql"])


def test_the_store_migrates_itself(ledger_postgres: PostgresServer) -> None:
    """A store says what is missing, makes it when told to, and only then starts."""
    url = ledger_postgres.create("by_store")

    async def story() -> None:
        store = PostgresStore(url)
        try:
            with pytest.raises(SchemaError, match="`notifyhub ledger migrate`"):
                await store.start()
            pending = (await store.schema()).pending
            assert pending
            assert await store.migrate() == pending
            await store.start()
            assert (await store.schema()).pending == ()
        finally:
            await store.aclose()

    try:
        asyncio.run(story())
    finally:
        ledger_postgres.drop("by_store")


def test_deliveries_of_the_first_version_stay(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that the first version filled are brought up to date, and what is in them is as it was."""
    from notifyhub.ledger.sql import migration

    every = migrations(database.dialect.name)
    with monkeypatch.context() as patched:
        patched.setattr(migration, "migrations", lambda _: every[:1])
        database.run(migrate(database.dialect))
    job = queued(Clock())
    database.run(_inserted(row_of(job, Sealer(), None, None)))
    before = database.statement("SELECT * FROM notifyhub_deliveries")
    assert database.run(migrate(database.dialect)) == tuple(each.name for each in every[1:])
    after = database.statement("SELECT * FROM notifyhub_deliveries")
    assert [kept[: len(row)] for kept, row in zip(after, before, strict=True)] == before
    assert len(before) == 1
    kept = database.run(by_id(job.id))
    assert kept is not None
    assert job_of(kept, Sealer()) == job
    assert {"notifyhub_tallies", "notifyhub_suppressions", "notifyhub_health"} <= database.tables()


def _inserted(row: Row) -> Script[None]:
    """Insert a row as the first version did, which knew no digests."""
    columns = [name.strip() for name in INSERT[INSERT.index("(") + 1 : INSERT.index(")")].split(",")]
    values = {name: value for name, value in zip(columns, row, strict=True) if name != "digest"}
    marks = ", ".join("?" * len(values))
    yield Statement(
        f"INSERT INTO notifyhub_deliveries ({', '.join(values)}) VALUES ({marks})",  # noqa: S608 - names of ours
        tuple(values.values()),
    )


def _add_a_migration(monkeypatch: pytest.MonkeyPatch, *statements: str) -> str:
    """One more than there are; its name."""
    from notifyhub.ledger.sql import migration

    known = {backend: migrations(backend) for backend in ("sqlite", "postgresql")}
    number = known["sqlite"][-1].number + 1
    more = migration.Migration(number, f"{number:04}_more", statements)
    monkeypatch.setattr(migration, "migrations", lambda backend: (*known[backend], more))
    return more.name


def _columns(texts: list[tuple[str, ...]]) -> list[list[str]]:
    """The first word of every line within a CREATE TABLE, and every index's columns."""
    return [
        [line.split()[0] for line in statement.splitlines() if line.strip()]
        for statements in texts
        for statement in statements
    ]
