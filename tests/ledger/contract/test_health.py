"""The ledger's contract: what all workers have seen of the provider instances."""

from __future__ import annotations

import asyncio

from notifyhub.ledger import Health, Ledger
from notifyhub.ledger.health import SLOT
from tests.ledger.deliveries import Clock
from tests.ledger.keepings import Keeping


def test_sums(keeping: Keeping) -> None:
    """What is seen of one instance in one slot adds up, whoever saw it and in how many pieces."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.observe(
            [Health("a", 7, accepted=1), Health("a", 7, failed=2), Health("b", 7, 3, 4, 5, 6, 0.5)]
        )
        await ledger.observe([Health("a", 8, delivered=1, lateness=2.25), Health("a", 7, accepted=1)])
        await ledger.observe([])
        assert await ledger.health(0) == [
            Health("a", 7, accepted=2, failed=2),
            Health("b", 7, 3, 4, 5, 6, 0.5),
            Health("a", 8, delivered=1, lateness=2.25),
        ]

    keeping.run(story)


def test_since(keeping: Keeping) -> None:
    """Only slots from the one asked for on are told."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        await ledger.observe([Health("a", slot, accepted=1) for slot in range(10)])
        assert [each.slot for each in await ledger.health(8)] == [8, 9]
        assert await ledger.health(10) == []

    keeping.run(story)


def test_many_at_once(keeping: Keeping) -> None:
    """Of what many workers see at the same time nothing is lost."""

    async def story(*holders_and_clock: Ledger) -> None:
        *ledgers, _ = holders_and_clock
        seen = [[Health("ab"[(n + k) % 2], k % 2, accepted=1) for k in range(4)] for n in range(40)]
        await asyncio.gather(*(ledgers[n % len(ledgers)].observe(each) for n, each in enumerate(seen)))
        assert sum(each.accepted for each in await ledgers[0].health(0)) == 160

    keeping.run(story, holders=4 if keeping.shared else 1)


def test_a_day(keeping: Keeping) -> None:
    """What was seen more than a day ago is forgotten as new is seen."""

    async def story(ledger: Ledger, clock: Clock) -> None:
        day = 86400 // SLOT
        for slot in (1000, 1000 + day // 2, 1001 + day):
            await ledger.observe([Health("a", slot, accepted=1)])
        assert [each.slot for each in await ledger.health(0)] == [1000 + day // 2, 1001 + day]

    keeping.run(story)
