"""The postbox: what is put in is kept with the caller's own transaction, or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import aiosqlite
import pytest

from notifyhub import Delivery, Hub, KeyReused, Status, UnknownDelivery, UnsupportedOperation, hookimpl
from notifyhub.dispatch import Ticket
from notifyhub.errors import WrongState
from notifyhub.ledger import Ledger, MemoryLedger, open_ledger
from notifyhub.plugins import Plugins
from notifyhub.testing import RecordingProvider

NUMBER = "+8613800138000"


def sqlite(folder: Path) -> Ledger:
    return open_ledger("sqlite:///n.db", synchronous="NORMAL", lease=30.0, keys=(), folder=folder)


class Watcher:
    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def notifyhub_delivery_changed(self, delivery: Delivery) -> None:
        self.seen.append(delivery.status)


def test_with_the_caller_s_transaction(tmp_path: Path) -> None:
    """On a synchronous connection: kept if, and only if, it commits; nobody hears of it before a worker."""
    vendor, watcher, plugins = RecordingProvider("v"), Watcher(), Plugins()
    plugins.register(watcher)

    async def story() -> None:
        async with Hub(providers={"v": vendor}, ledger=sqlite(tmp_path), plugins=plugins) as hub:
            with closing(sqlite3.connect(tmp_path / "n.db")) as connection:
                connection.execute("CREATE TABLE orders (no TEXT)")
                kept: dict[str, Delivery] = {}
                for no, end in (("1", connection.commit), ("2", connection.rollback)):
                    connection.execute("INSERT INTO orders VALUES (?)", (no,))
                    kept[no] = await hub.enqueue(text=no, to=NUMBER, connection=connection)
                    end()
                assert connection.execute("SELECT no FROM orders").fetchall() == [("1",)]
            assert watcher.seen == []
            assert (await hub.delivery(kept["1"].id)).status is Status.QUEUED
            with pytest.raises(UnknownDelivery):
                await hub.delivery(kept["2"].id)
            await hub.run_worker(drain=True)

    asyncio.run(story())
    assert [m.text for m in vendor.messages] == ["1"]
    assert watcher.seen == ["accepted"]


def test_with_an_asynchronous_connection(tmp_path: Path) -> None:
    """The same on an asynchronous one; a key that is known gives the first delivery, and no second ticket."""

    async def story() -> None:
        tickets: list[str] = []
        async with Hub(providers={"v": RecordingProvider("v")}, ledger=sqlite(tmp_path)) as hub:

            def enqueue_in(connection: object, given: Sequence[Ticket]) -> None:
                tickets.extend(ticket.delivery_id for ticket in given)

            hub._dispatcher.enqueue_in = enqueue_in  # type: ignore[method-assign]
            async with aiosqlite.connect(tmp_path / "n.db") as connection:
                await connection.execute("BEGIN")
                first = await hub.enqueue(text="1", to=NUMBER, key="k", connection=connection)
                second = await hub.enqueue(text="1", to=NUMBER, key="k", connection=connection)
                assert second.id == first.id
                with pytest.raises(KeyReused):
                    await hub.enqueue(text="2", to=NUMBER, key="k", connection=connection)
                await connection.commit()
            assert (await hub.delivery(first.id)).key == "k"
        assert tickets == [first.id]

    asyncio.run(story())


def test_in_memory_there_is_no_transaction() -> None:
    """A ledger that is not in the caller's database says so, and keeps nothing."""

    async def story() -> None:
        async with Hub(providers={"v": RecordingProvider("v")}) as hub:
            with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(UnsupportedOperation):
                await hub.enqueue(text="1", to=NUMBER, connection=connection)
            assert (await hub.ledger.backlog()).ready == 0

    asyncio.run(story())


@pytest.mark.parametrize("durable", [True, False])
def test_cancel(tmp_path: Path, durable: bool) -> None:
    """What is queued is cancelled by its id or its key and never sent; what was taken up is not."""
    vendor = RecordingProvider("v")

    async def story() -> None:
        ledger = sqlite(tmp_path) if durable else MemoryLedger()
        async with Hub(providers={"v": vendor}, ledger=ledger) as hub:
            by_id = await hub.enqueue(text="1", to=NUMBER)
            await hub.enqueue(text="2", to=NUMBER, key="k")
            assert (await hub.cancel(by_id.id)).status is Status.CANCELLED
            assert (await hub.cancel(key="k")).status is Status.CANCELLED
            sent = await hub.enqueue(text="3", to=NUMBER)
            await hub.run_worker(drain=True)
            with pytest.raises(WrongState, match="accepted"):
                await hub.cancel(sent.id)
            with pytest.raises(UnknownDelivery):
                await hub.cancel(key="nothing")

    asyncio.run(story())
    assert [m.text for m in vendor.messages] == ["3"]


def test_an_engine_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """An engine that cannot take the id is logged and no loss: the delivery is kept."""

    async def story() -> None:
        async with Hub(providers={"v": RecordingProvider("v")}) as hub:

            async def enqueue(tickets: Sequence[Ticket]) -> None:
                raise ConnectionError("postgresql://user:secret@host")

            hub._dispatcher.enqueue = enqueue  # type: ignore[method-assign]
            queued = await hub.enqueue(text="1", to=NUMBER)
            assert (await hub.delivery(queued.id)).status is Status.QUEUED

    asyncio.run(story())
    assert "dispatch_failed" in caplog.text
    assert "secret" not in caplog.text


def test_a_hundred_with_one_key(tmp_path: Path) -> None:
    """A hundred calls at once under one key, of two hubs on one file, are one delivery."""
    vendor = RecordingProvider("v")

    async def story() -> None:
        hubs = [Hub(providers={"v": vendor}, ledger=sqlite(tmp_path)) for _ in range(2)]
        calls = [hubs[n % 2].enqueue(text="1", to=NUMBER, key="k") for n in range(100)]
        assert len({delivery.id for delivery in await asyncio.gather(*calls)}) == 1
        await hubs[0].run_worker(drain=True)
        for hub in hubs:
            await hub.aclose()

    asyncio.run(story())
    assert len(vendor.messages) == 1
