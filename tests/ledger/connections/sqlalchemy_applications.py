"""Applications on SQLAlchemy: Core and ORM, on each driver, as `applications` has them without it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from typing import Any

from tests.ledger.connections.applications import APPLICATIONS, Open, application

__all__ = ["APPLICATIONS"]


def _sqlalchemy(backend: str, driver: str) -> None:
    """Core and ORM on a synchronous driver."""

    async def core(url: str) -> AsyncIterator[Open]:
        import sqlalchemy

        engine = _engine(url, backend, driver)
        try:
            with engine.begin() as connection:
                yield Open(connection, lambda sql: connection.execute(sqlalchemy.text(sql)))
        finally:
            engine.dispose()

    async def orm(url: str) -> AsyncIterator[Open]:
        import sqlalchemy
        from sqlalchemy.orm import Session

        engine = _engine(url, backend, driver)
        try:
            with Session(engine) as session:
                yield Open(session, lambda sql: session.execute(sqlalchemy.text(sql)))
                session.commit()
        finally:
            engine.dispose()

    _enter(backend, driver, core, orm)


def _sqlalchemy_async(backend: str, driver: str) -> None:
    """Core and ORM on an asynchronous driver."""

    async def async_core(url: str) -> AsyncIterator[Open]:
        import sqlalchemy

        engine = _async_engine(url, backend, driver)
        try:
            async with engine.begin() as connection:
                yield Open(connection, lambda sql: connection.execute(sqlalchemy.text(sql)))
        finally:
            await engine.dispose()

    async def async_orm(url: str) -> AsyncIterator[Open]:
        import sqlalchemy
        from sqlalchemy.ext.asyncio import AsyncSession

        engine = _async_engine(url, backend, driver)
        try:
            async with AsyncSession(engine) as session, session.begin():
                yield Open(session, lambda sql: session.execute(sqlalchemy.text(sql)))
        finally:
            await engine.dispose()

    _enter(backend, driver, async_core, async_orm, "greenlet")


def _enter(backend: str, driver: str, core: Any, orm: Any, *needs: str) -> None:
    for body in (core, orm):
        body.__name__ = f"sqlalchemy_{body.__name__}_on_{driver}"
        application(backend, "sqlalchemy", driver, *needs)(body)


def _engine(url: str, backend: str, driver: str) -> Any:
    import sqlalchemy

    return sqlalchemy.create_engine(_sqlalchemy_url(url, backend, driver))


def _async_engine(url: str, backend: str, driver: str) -> Any:
    from sqlalchemy.ext.asyncio import create_async_engine

    return create_async_engine(_sqlalchemy_url(url, backend, driver))


def _sqlalchemy_url(url: str, backend: str, driver: str) -> str:
    dialect = "pysqlite" if driver == "sqlite3" else driver
    return f"sqlite+{dialect}:///{url}" if backend == "sqlite" else url.replace(":", f"+{dialect}:", 1)


_sqlalchemy("sqlite", "sqlite3")
_sqlalchemy_async("sqlite", "aiosqlite")
_sqlalchemy("postgresql", "psycopg")
_sqlalchemy("postgresql", "psycopg2")
_sqlalchemy_async("postgresql", "psycopg")
_sqlalchemy_async("postgresql", "asyncpg")


@application("sqlite", "sqlalchemy")
async def sqlalchemy_core_that_begins_in_an_event(url: str) -> AsyncIterator[Open]:
    """As SQLAlchemy's documentation advises for savepoints on SQLite."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(f"sqlite:///{url}")

    @sqlalchemy.event.listens_for(engine, "connect")
    def connect(driver: sqlite3.Connection, _: object) -> None:
        driver.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    try:
        with engine.connect() as connection:
            yield Open(connection, connection.exec_driver_sql)
            connection.commit()
    finally:
        engine.dispose()
