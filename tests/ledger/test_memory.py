"""The ledger in memory: what it keeps is bounded, except for what is still to be done.

What it has in common with every other ledger is in `contract/`.
"""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from notifyhub.ledger import MemoryLedger, Query
from notifyhub.outcome import Status
from tests.ledger.contract.test_admission import question, recipient
from tests.ledger.deliveries import Clock, attempted, queued, receipt, sending

DAY = 24 * 3600.0


def test_bounded() -> None:
    """The oldest of what has ended makes room, with its key and ids; as do the oldest early receipts."""

    async def story() -> None:
        clock = Clock()
        ledger = MemoryLedger(capacity=10, clock=clock)
        for n in range(50):
            opened = await ledger.open(sending(clock, key=f"k{n}"))
            await ledger.record(attempted(opened, str(n)))
            await ledger.receive(receipt(f"parked {n}"))
            clock.turn(1)
        shelf = ledger._shelf
        assert len(shelf.ended) == len(shelf.by_key) == len(shelf.by_vendor_id) == 10
        assert not shelf.held
        assert not shelf.waiting
        assert len(ledger._parked) <= 10
        assert await ledger.by_key("k39") is None
        assert await ledger.find("sms", "40") is not None

    asyncio.run(story())


def test_what_is_to_be_done_is_never_forgotten() -> None:
    """What is queued or being sent makes room for nothing, however much there is of it."""

    async def story() -> None:
        clock = Clock()
        ledger = MemoryLedger(capacity=10, clock=clock)
        jobs = [(sending if n % 2 else queued)(clock) for n in range(40)]
        for job in jobs:
            await ledger.open(job)
        for n in range(20):
            await ledger.record(attempted(await ledger.open(sending(clock)), str(n)))
        assert all([await ledger.get(job.id) == job.delivery for job in jobs])
        assert len(await ledger.search(Query(status=Status.ACCEPTED))) == 10
        assert len(await ledger.claim(100)) == 20

    asyncio.run(story())


def test_parked_for_a_day() -> None:
    """What is parked is forgotten after a day."""

    async def story() -> None:
        clock = Clock()
        ledger = MemoryLedger(clock=clock)
        await ledger.receive(receipt("1"))
        clock.turn(DAY)
        await ledger.receive(receipt("2"))
        assert len(ledger._parked) == 1

    asyncio.run(story())


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_receipts_in_any_order(news: list[bool]) -> None:
    """Whatever order receipts come in, delivered once is delivered for good."""

    async def story() -> None:
        clock = Clock()
        ledger = MemoryLedger(clock=clock)
        await ledger.record(attempted(await ledger.open(sending(clock)), "77"))
        ranks = {Status.ACCEPTED: 0, Status.UNDELIVERED: 1, Status.DELIVERED: 2}
        seen = [0]
        for delivered in news:
            after, _ = await ledger.receive(receipt("77", delivered=delivered))
            assert after is not None
            seen.append(ranks[after.status])
        assert seen == sorted(seen)
        assert seen[-1] == (2 if any(news) else 1)

    asyncio.run(story())


def test_not_durable() -> None:
    """It says of itself that it forgets, so that nothing is put off to a later that never comes."""
    assert MemoryLedger().durable is False


def test_tallies_are_swept() -> None:
    """Tallies that mean nothing any more make room, without a purge."""

    async def story() -> None:
        clock = Clock()
        ledger = MemoryLedger(clock=clock)
        for number in range(5000):
            await ledger.admit(question(recipient(address=f"+86138{number:08}")))
            clock.turn(10)
        assert len(ledger._tallies.pages) < 2500

    asyncio.run(story())
