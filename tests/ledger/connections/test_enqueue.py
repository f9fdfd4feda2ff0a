"""`enqueue(connection=…)` of both hubs, as an application writes it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest

from notifyhub import Hub, SyncHub
from notifyhub.errors import InvalidVariable, UnsupportedOperation
from tests.ledger.connections.applications import Application
from tests.ledger.connections.conftest import Database
from tests.ledger.connections.opening import settled

ORDER = "INSERT INTO orders VALUES ('A1')"
NUMBER = "13800138000"


def code(number: str = "482913") -> dict[str, Any]:
    return {"notice": "login/code", "to": NUMBER, "data": {"code": number}, "key": "A1"}


def settings(database: Database) -> dict[str, Any]:
    return {"ledger": {"url": database.ledger}}


def test_hub(application: Application, database: Database) -> None:
    """What was rolled back is not there; what was committed is queued once, and its hub knows it."""

    class Undo(Exception):
        pass

    async def undone(hub: Hub) -> None:
        async with application.transaction(database.url) as shop:
            await settled(shop.execute(ORDER))
            await hub.enqueue(**code(), connection=shop.connection)
            raise Undo

    async def story() -> None:
        async with Hub(settings(database)) as hub:
            with pytest.raises(Undo):
                await undone(hub)
            assert await asyncio.to_thread(lambda: database.kept) == (0, 0)
            async with application.transaction(database.url) as shop:
                await settled(shop.execute(ORDER))
                first = await hub.enqueue(**code(), connection=shop.connection)
                again = await hub.enqueue(**code(), connection=shop.connection)
            assert (first.id, first.status) == (again.id, "queued")
            assert (await hub.delivery(first.id)).key == "A1"

    asyncio.run(story())
    assert database.kept == (1, 1)


def test_what_cannot_be_sent(sqlite_shop: Database) -> None:
    """What cannot be rendered is refused to the caller before anything is written, and the order stays."""

    async def story() -> None:
        async with Hub(settings(sqlite_shop)) as hub:
            with closing(sqlite3.connect(sqlite_shop.url)) as connection, connection:
                connection.execute(ORDER)
                with pytest.raises(InvalidVariable):
                    await hub.enqueue(**code("http://evil.example"), connection=connection)

    asyncio.run(story())
    assert sqlite_shop.kept == (1, 0)


def test_sync_hub(sqlite_shop: Database) -> None:
    """A SyncHub uses the connection in the calling thread, and starts none of its own for it."""
    before = threading.active_count()
    with SyncHub(settings(sqlite_shop)) as hub:
        with closing(sqlite3.connect(sqlite_shop.url)) as connection, connection:
            connection.execute(ORDER)
            hub.enqueue(**code(), connection=connection)
        assert threading.active_count() == before
    assert sqlite_shop.kept == (1, 1)


def test_sync_hub_on_postgres(postgres_shop: Database) -> None:
    """The same with psycopg; an asynchronous connection is refused there."""
    psycopg = pytest.importorskip("psycopg")

    async def asynchronous(hub: SyncHub) -> None:
        async with await psycopg.AsyncConnection.connect(postgres_shop.url) as connection:
            with pytest.raises(UnsupportedOperation, match="asynchronous"):
                hub.enqueue(**code(), connection=connection)

    with SyncHub(settings(postgres_shop)) as hub:
        with psycopg.connect(postgres_shop.url) as connection:
            connection.execute(ORDER)
            hub.enqueue(**code(), connection=connection)
        asyncio.run(asynchronous(hub))
    assert postgres_shop.kept == (1, 1)


def test_memory() -> None:
    """A ledger in memory has no part in anybody's transaction, and says so."""

    async def story() -> None:
        async with Hub() as hub:
            with closing(sqlite3.connect("shop.db")) as connection, pytest.raises(UnsupportedOperation):
                await hub.enqueue(**code(), connection=connection)

    asyncio.run(story())
