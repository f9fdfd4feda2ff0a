"""An application's transaction and the delivery kept in it end alike, whatever the driver."""

from __future__ import annotations

import asyncio

import pytest

from notifyhub.errors import KeyReused
from notifyhub.ledger import open_ledger
from tests.ledger.connections.applications import Application
from tests.ledger.connections.conftest import Database
from tests.ledger.connections.opening import keep, settled
from tests.ledger.deliveries import ADDRESS

ORDER = "INSERT INTO orders VALUES ('A1')"


class Undo(Exception):
    """The application changes its mind."""


def test_commit(application: Application, database: Database) -> None:
    """Committed: the application's row is there, and exactly one delivery."""

    async def story() -> None:
        async with application.transaction(database.url) as shop:
            await settled(shop.execute(ORDER))
            await keep(shop.connection, "A1")

    asyncio.run(story())
    assert database.kept == (1, 1)


def test_rollback(application: Application, database: Database) -> None:
    """Rolled back: neither the application's row nor a delivery."""

    async def story() -> None:
        async with application.transaction(database.url) as shop:
            await settled(shop.execute(ORDER))
            await keep(shop.connection, "A1")
            raise Undo

    with pytest.raises(Undo):
        asyncio.run(story())
    assert database.kept == (0, 0)


def test_rollback_of_the_delivery_alone(application: Application, database: Database) -> None:
    """Rolled back where the delivery was the first that was written: none is there."""

    async def story() -> None:
        async with application.transaction(database.url) as shop:
            await keep(shop.connection, "A1")
            raise Undo

    with pytest.raises(Undo):
        asyncio.run(story())
    assert database.kept == (0, 0)


def test_same_key_twice(application: Application, database: Database) -> None:
    """The same key twice in one transaction and once more in the next: one delivery, always the first."""

    async def story() -> set[str]:
        async with application.transaction(database.url) as shop:
            ids = {(await keep(shop.connection, "A1")).id, (await keep(shop.connection, "A1")).id}
            await settled(shop.execute(ORDER))
        async with application.transaction(database.url) as shop:
            return ids | {(await keep(shop.connection, "A1")).id}

    assert len(asyncio.run(story())) == 1
    assert database.kept == (1, 1)


def test_same_key_for_another_request(application: Application, database: Database) -> None:
    """The same key for another request is an error, and the transaction goes on."""

    async def story() -> None:
        async with application.transaction(database.url) as shop:
            await keep(shop.connection, "A1", "one parcel")
            with pytest.raises(KeyReused):
                await keep(shop.connection, "A1", "two parcels")
            await settled(shop.execute(ORDER))

    asyncio.run(story())
    assert database.kept == (1, 1)


def test_claimed_by_a_worker(application: Application, database: Database) -> None:
    """Once committed it is in the queue of a worker's own ledger on that database, whole."""

    async def story() -> None:
        async with application.transaction(database.url) as shop:
            kept = await keep(shop.connection, "A1")
        ledger = open_ledger(database.ledger)
        try:
            (job,) = await ledger.claim(10)
        finally:
            await ledger.aclose()
        assert (job.id, job.delivery.key, job.message.to) == (kept.id, "A1", ADDRESS)
        assert job.message.text == "Your parcel is on its way"

    asyncio.run(story())


def test_not_seen_before_the_commit(application: Application, database: Database) -> None:
    """What was kept is seen by nobody else until the application commits."""

    async def story() -> tuple[int, int]:
        async with application.transaction(database.url) as shop:
            await keep(shop.connection, "A1")
            # In a thread of its own: the look from outside has an event loop of its own.
            return await asyncio.to_thread(lambda: database.kept)

    assert asyncio.run(story()) == (0, 0)
    assert database.kept == (0, 1)


def test_same_key_in_two_transactions(postgres_shop: Database) -> None:
    """The same key in two open transactions: the second waits to see how the first one ends."""
    asyncpg = pytest.importorskip("asyncpg")

    async def story(key: str, *, commit: bool) -> bool:
        one, two = await asyncpg.connect(postgres_shop.url), await asyncpg.connect(postgres_shop.url)
        try:
            first, second = one.transaction(), two.transaction()
            await first.start()
            await second.start()
            kept = await keep(one, key)
            other = asyncio.create_task(keep(two, key))
            done, _ = await asyncio.wait([other], timeout=0.2)
            assert not done
            await (first.commit() if commit else first.rollback())
            same = (await other).id == kept.id
            await second.commit()
            return same
        finally:
            await one.close()
            await two.close()

    assert asyncio.run(story("A1", commit=True))
    assert not asyncio.run(story("A2", commit=False))
    assert postgres_shop.kept == (0, 2)
