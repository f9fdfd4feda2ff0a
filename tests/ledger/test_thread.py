"""ConnectionThread: when what was ordered is handed over, and that nothing of it is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

import pytest

from notifyhub.ledger.sqlite.thread import ConnectionThread, Order, Results


class Log:
    """Answers each order with what it is about, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[object]] = []
        self.thread = ConnectionThread("notifyhub-test", lambda: sqlite3.connect(":memory:"), self.perform)

    def perform(self, connection: sqlite3.Connection, orders: Sequence[Order]) -> Results:
        """Remember a batch."""
        self.batches.append([what for _, what, _ in orders])
        return self.batches[-1]


@pytest.fixture
def log() -> Log:
    """One whose thread has not been started."""
    return Log()


def test_what_one_turn_orders_is_one_batch(log: Log) -> None:
    """However many tasks order it."""

    async def order(what: int) -> object:
        return await log.thread.put(None, what)

    async def story() -> list[object]:
        return await asyncio.gather(*map(order, range(5)))

    assert asyncio.run(story()) == [0, 1, 2, 3, 4]
    assert log.batches == [[0, 1, 2, 3, 4]]
    log.thread.stop()


def test_a_stop_in_the_same_turn_loses_nothing(log: Log) -> None:
    """What was ordered just before is done; and what is ordered afterwards starts another thread."""

    async def story() -> None:
        first = log.thread.put(None, 1)
        await asyncio.to_thread(log.thread.stop)
        assert await first == 1
        second = log.thread.put(None, 2)
        log.thread.stop()  # before the loop comes to hand it over
        assert log.batches == [[1], [2]]
        assert await second == 2

    asyncio.run(story())


def test_a_cancelled_order_is_done(log: Log) -> None:
    """The others of its batch are told all the same."""

    async def story() -> None:
        first, second = log.thread.put(None, 1), log.thread.put(None, 2)
        first.cancel()
        assert await second == 2

    asyncio.run(story())
    assert log.batches == [[1, 2]]
    log.thread.stop()


def test_a_loop_that_ended_before_its_turn_did(log: Log) -> None:
    """Its order is done by `stop` at the latest, and other loops do not wait for it."""
    ended = asyncio.new_event_loop()

    async def order(what: int) -> asyncio.Future[object]:
        return log.thread.put(None, what)

    ended.run_until_complete(order(1))
    ended.close()

    async def another() -> object:
        return await log.thread.put(None, 2)

    assert asyncio.run(another()) == 2
    log.thread.stop()
    assert sorted(log.batches, key=str) == [[1], [2]]
