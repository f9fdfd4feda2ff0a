"""Applications: for each driver, a transaction as its users write one, from `connect` to the end.

Each opens a connection of its own, yields it with a way to execute the application's own statements,
commits at the end of the block and rolls back where the block raises.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

__all__ = ["APPLICATIONS", "Application", "Open", "application"]


class Open(NamedTuple):
    """A connection with a transaction on it. execute: runs a statement; what it returns may be awaitable."""

    connection: Any
    execute: Callable[[str], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """name: the driver, and how it is used. backend: `sqlite` (its URL is a path) or `postgresql`.

    needs: modules without which it cannot run here. transaction: from the database's URL.
    """

    name: str
    backend: str
    needs: tuple[str, ...]
    transaction: Callable[[str], AbstractAsyncContextManager[Open]]

    @property
    def missing(self) -> str | None:
        """The first module that is not installed."""
        return next((module for module in self.needs if find_spec(module) is None), None)


APPLICATIONS: list[Application] = []
"""Those of this file, and of `sqlalchemy_applications` once that is imported."""


def application(
    backend: str, *needs: str
) -> Callable[[Callable[[str], AsyncIterator[Open]]], Callable[[str], AsyncIterator[Open]]]:
    """Enters an application under the name of its function."""

    def enter(body: Callable[[str], AsyncIterator[Open]]) -> Callable[[str], AsyncIterator[Open]]:
        transaction = asynccontextmanager(body)
        APPLICATIONS.append(
            Application(name=body.__name__, backend=backend, needs=needs, transaction=transaction)
        )
        return body

    return enter


def _dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


@application("sqlite")
async def sqlite3_default(url: str) -> AsyncIterator[Open]:
    with closing(sqlite3.connect(url)) as connection, connection:
        yield Open(connection, connection.execute)


@application("sqlite")
async def sqlite3_rows_as_dicts(url: str) -> AsyncIterator[Open]:
    with closing(sqlite3.connect(url)) as connection, connection:
        connection.row_factory = _dict
        yield Open(connection, connection.execute)


@application("sqlite")
async def sqlite3_begun_by_hand(url: str) -> AsyncIterator[Open]:
    with closing(sqlite3.connect(url, isolation_level=None)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        yield Open(connection, connection.execute)


@application("sqlite", "aiosqlite")
async def aiosqlite_rows_as_dicts(url: str) -> AsyncIterator[Open]:
    import aiosqlite

    async with aiosqlite.connect(url) as connection:
        connection.row_factory = _dict
        yield Open(connection, connection.execute)
        await connection.commit()  # else closing rolls back


@application("postgresql", "psycopg")
async def psycopg_default(url: str) -> AsyncIterator[Open]:
    import psycopg

    with psycopg.connect(url) as connection:
        yield Open(connection, connection.execute)


@application("postgresql", "psycopg")
async def psycopg_rows_as_dicts_by_a_raw_cursor(url: str) -> AsyncIterator[Open]:
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(url, row_factory=dict_row, cursor_factory=psycopg.RawCursor) as connection:
        yield Open(connection, connection.execute)


@application("postgresql", "psycopg")
async def psycopg_autocommit_with_a_transaction(url: str) -> AsyncIterator[Open]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
        yield Open(connection, connection.execute)


@application("postgresql", "psycopg")
async def psycopg_pipeline(url: str) -> AsyncIterator[Open]:
    import psycopg

    with psycopg.connect(url) as connection, connection.pipeline():
        yield Open(connection, connection.execute)


@application("postgresql", "psycopg")
async def psycopg_async(url: str) -> AsyncIterator[Open]:
    import psycopg

    async with await psycopg.AsyncConnection.connect(url) as connection:
        yield Open(connection, connection.execute)


@application("postgresql", "psycopg")
async def psycopg_async_pipeline_with_a_transaction(url: str) -> AsyncIterator[Open]:
    import psycopg

    async with (
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
        connection.pipeline(),
        connection.transaction(),
    ):
        yield Open(connection, connection.execute)


@application("postgresql", "asyncpg")
async def asyncpg_connection(url: str) -> AsyncIterator[Open]:
    import asyncpg

    class ByName(asyncpg.Record):  # type: ignore[misc]
        def __iter__(self) -> Any:
            return iter(self.keys())

    connection = await asyncpg.connect(url, record_class=ByName)
    try:
        async with connection.transaction():
            yield Open(connection, connection.execute)
    finally:
        await connection.close()


@application("postgresql", "asyncpg")
async def asyncpg_pool(url: str) -> AsyncIterator[Open]:
    import asyncpg

    async with (
        asyncpg.create_pool(url, min_size=1) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        yield Open(connection, connection.execute)
