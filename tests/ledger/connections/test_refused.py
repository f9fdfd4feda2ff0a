"""What is refused: no connection at all, and one on which nothing could be rolled back."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from notifyhub.errors import LedgerUnavailable, UnsupportedOperation
from notifyhub.ledger.connections import connected
from tests.ledger.connections.conftest import Database
from tests.ledger.connections.opening import keep, open_in


@pytest.mark.parametrize("thing", [None, "sqlite:///shop.db", object(), sqlite3, 7])
def test_no_connection(thing: object) -> None:
    """What is no connection is refused with a list of what is accepted, and is not quoted."""
    with pytest.raises(UnsupportedOperation, match=r"(?s)^connection: .*sqlite3.*Django") as caught:
        connected(thing)
    assert caught.value.field == "connection"
    assert "shop.db" not in str(caught.value)


def test_engine(sqlite_shop: Database) -> None:
    """An engine is no connection: it has no transaction of the caller's."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine(f"sqlite:///{sqlite_shop.url}")
    with pytest.raises(UnsupportedOperation, match=r"sqlalchemy\.engine\.base\.Engine is no connection"):
        connected(engine)
    engine.dispose()


def test_another_database() -> None:
    """A database of another kind is refused by its name, before anything is asked of it."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_mock_engine("mysql://", lambda *_: None)

    class Connection:
        dialect = engine.dialect

    Connection.__module__ = "sqlalchemy.engine"
    with pytest.raises(UnsupportedOperation, match="'mysql'"):
        connected(Connection())


def test_sqlite3_that_commits_at_once(sqlite_shop: Database) -> None:
    """sqlite3 with isolation_level=None and no BEGIN: refused, and the same connection is fine after one."""
    with closing(sqlite3.connect(sqlite_shop.url, isolation_level=None)) as connection:
        with pytest.raises(UnsupportedOperation, match="no transaction is open") as caught:
            open_in(connection, "A1")
        assert "BEGIN" in str(caught.value)
        connection.execute("BEGIN")
        open_in(connection, "A1")
        connection.rollback()
    assert sqlite_shop.kept == (0, 0)


def test_aiosqlite_that_commits_at_once(sqlite_shop: Database) -> None:
    """The same with aiosqlite, and where it is closed."""
    aiosqlite = pytest.importorskip("aiosqlite")

    async def story() -> None:
        async with aiosqlite.connect(sqlite_shop.url, isolation_level=None) as connection:
            await _refused(connection)
        await _refused(connection)

    asyncio.run(story())
    assert sqlite_shop.kept == (0, 0)


def test_psycopg_that_commits_at_once(postgres_shop: Database) -> None:
    """Autocommit in psycopg, synchronous and asynchronous: refused outside `connection.transaction()`."""
    psycopg = pytest.importorskip("psycopg")

    async def story() -> None:
        async with await psycopg.AsyncConnection.connect(postgres_shop.url, autocommit=True) as connection:
            await _refused(connection)
            async with connection.transaction():
                await keep(connection, "A1")

    with psycopg.connect(postgres_shop.url, autocommit=True) as connection:
        asyncio.run(_refused(connection))
    asyncio.run(story())
    assert postgres_shop.kept == (0, 1)


def test_asyncpg_without_a_transaction(postgres_shop: Database) -> None:
    """Every asyncpg connection outside `connection.transaction()`; its pool, and one given back to it."""
    asyncpg = pytest.importorskip("asyncpg")

    async def story() -> None:
        async with asyncpg.create_pool(postgres_shop.url, min_size=1) as pool:
            async with pool.acquire() as connection:
                await _refused(connection)
            with pytest.raises(UnsupportedOperation, match="Pool is no connection"):
                connected(pool)
            with pytest.raises(LedgerUnavailable, match="InterfaceError"):
                await keep(connection, "A1")

    asyncio.run(story())
    assert postgres_shop.kept == (0, 0)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
@pytest.mark.parametrize("where", ["engine", "connection"])
def test_sqlalchemy_autocommit(backend: str, where: str, request: pytest.FixtureRequest) -> None:
    """SQLAlchemy's isolation level AUTOCOMMIT, on the engine or on the connection, Core and ORM."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    orm = pytest.importorskip("sqlalchemy.orm")
    shop, url = _sqlalchemy_shop(backend, request)
    engine = sqlalchemy.create_engine(url, **({"isolation_level": "AUTOCOMMIT"} if where == "engine" else {}))
    try:
        with engine.connect() as connection:
            if where == "connection":
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            asyncio.run(_refused(connection))
            with orm.Session(connection) as session:
                asyncio.run(_refused(session))
    finally:
        engine.dispose()
    assert shop.kept == (0, 0)


@pytest.mark.parametrize(("backend", "driver"), [("sqlite", "aiosqlite"), ("postgresql", "asyncpg")])
def test_sqlalchemy_autocommit_async(backend: str, driver: str, request: pytest.FixtureRequest) -> None:
    """The same on asynchronous drivers."""
    pytest.importorskip(driver)
    pytest.importorskip("greenlet")
    asyncio_part = pytest.importorskip("sqlalchemy.ext.asyncio")
    shop, url = _sqlalchemy_shop(backend, request, driver)

    async def story() -> None:
        engine = asyncio_part.create_async_engine(url, isolation_level="AUTOCOMMIT")
        try:
            async with engine.connect() as connection:
                await _refused(connection)
            async with asyncio_part.AsyncSession(engine) as session:
                await _refused(session)
        finally:
            await engine.dispose()

    asyncio.run(story())
    assert shop.kept == (0, 0)


def test_session_that_does_not_begin(sqlite_shop: Database) -> None:
    """A session with autobegin=False: refused outside `session.begin()`, fine within."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    orm = pytest.importorskip("sqlalchemy.orm")
    engine = sqlalchemy.create_engine(f"sqlite:///{sqlite_shop.url}")
    with orm.Session(engine, autobegin=False) as session:
        asyncio.run(_refused(session))
        with session.begin():
            asyncio.run(keep(session, "A1"))
    engine.dispose()
    assert sqlite_shop.kept == (0, 1)


def test_session_of_several_engines(sqlite_shop: Database) -> None:
    """A session without an engine of its own is refused with the way to choose one."""
    orm = pytest.importorskip("sqlalchemy.orm")
    with orm.Session() as session, pytest.raises(UnsupportedOperation, match="bind_arguments"):
        connected(session)


def test_scoped_sessions(sqlite_shop: Database) -> None:
    """Scoped sessions (Flask-SQLAlchemy's is one) stand for the session of this scope."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    orm = pytest.importorskip("sqlalchemy.orm")
    engine = sqlalchemy.create_engine(f"sqlite:///{sqlite_shop.url}")
    session = orm.scoped_session(orm.sessionmaker(engine))
    asyncio.run(keep(session, "A1"))
    session.rollback()
    asyncio.run(keep(session, "A2"))
    session.commit()
    session.remove()
    engine.dispose()
    assert sqlite_shop.rows("SELECT key FROM notifyhub_deliveries") == [("A2",)]


def test_async_scoped_sessions(sqlite_shop: Database) -> None:
    """The asynchronous ones too."""
    pytest.importorskip("aiosqlite")
    pytest.importorskip("greenlet")
    asyncio_part = pytest.importorskip("sqlalchemy.ext.asyncio")

    async def story() -> None:
        engine = asyncio_part.create_async_engine(f"sqlite+aiosqlite:///{sqlite_shop.url}")
        maker = asyncio_part.async_sessionmaker(engine)
        session = asyncio_part.async_scoped_session(maker, scopefunc=asyncio.current_task)
        await keep(session, "A1")
        await session.commit()
        await session.remove()
        await engine.dispose()

    asyncio.run(story())
    assert sqlite_shop.kept == (0, 1)


def test_closed(sqlite_shop: Database) -> None:
    """A closed connection is told as one that cannot be used, with what to look at."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    connection = sqlite3.connect(sqlite_shop.url)
    connection.close()
    engine = sqlalchemy.create_engine(f"sqlite:///{sqlite_shop.url}")
    with engine.connect() as pooled:
        pass
    engine.dispose()
    for closed in (connection, pooled):
        with pytest.raises(LedgerUnavailable, match="see that it is open"):
            asyncio.run(keep(closed, "A1"))


def test_thread_of_another(sqlite_shop: Database) -> None:
    """A connection of sqlite3 is used in the calling thread; where that is not its own, we say so."""
    with closing(sqlite3.connect(sqlite_shop.url)) as connection:
        with pytest.raises(LedgerUnavailable, match="thread or event loop"):
            asyncio.run(asyncio.to_thread(open_in, connection, "A1"))
        open_in(connection, "A1")
        connection.commit()
    assert sqlite_shop.kept == (0, 1)


def test_locked(sqlite_shop: Database) -> None:
    """A database that somebody else has locked is unavailable, with the driver's code for it."""
    with (
        closing(sqlite3.connect(sqlite_shop.url, isolation_level=None)) as other,
        closing(sqlite3.connect(sqlite_shop.url, timeout=0)) as connection,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="SQLITE_BUSY"):
            open_in(connection, "A1")
        other.rollback()
        open_in(connection, "A1")
        connection.commit()
    assert sqlite_shop.kept == (0, 1)


async def _refused(connection: object) -> None:
    with pytest.raises(UnsupportedOperation, match="no transaction is open") as caught:
        await keep(connection, "A1")
    assert caught.value.remedy


def _sqlalchemy_shop(
    backend: str, request: pytest.FixtureRequest, driver: str | None = None
) -> tuple[Database, str]:
    shop: Any = request.getfixturevalue("sqlite_shop" if backend == "sqlite" else "postgres_shop")
    if backend == "sqlite":
        return shop, f"sqlite+{driver or 'pysqlite'}:///{shop.url}"
    return shop, shop.url.replace(":", f"+{driver or 'psycopg'}:", 1)
