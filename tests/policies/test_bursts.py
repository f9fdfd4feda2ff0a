"""Through the whole hub: bursts, turns, and a ledger that cannot be used."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from notifyhub import Hub
from notifyhub.errors import LedgerUnavailable
from notifyhub.ledger import Admission, Job, MemoryLedger, Question
from notifyhub.message import Message
from notifyhub.outcome import Delivery, Outcome, Status
from notifyhub.quota import Limit, LimitRule
from notifyhub.reason import Reason
from tests.policies.messages import Vendor

FIVE_A_DAY = {"limits": [{"limit": "5/day"}]}


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    return {"url": "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/ledger.db"}


async def worked(hub: Hub, done: Callable[[], bool]) -> float:
    """Have a worker at it until that is so. Returns the longest that the machine stood still, in seconds."""
    worker, longest = asyncio.create_task(hub.run_worker()), 0.0
    for _ in range(1500):
        if done() or worker.done():
            break
        before = time.monotonic()
        await asyncio.sleep(0.02)
        longest = max(longest, time.monotonic() - before - 0.02)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert done()
    return longest


async def sent_at_once(hub: Hub, many: int) -> Counter[Status]:
    deliveries: Sequence[Delivery] = await asyncio.gather(
        *(hub.send(text=f"text{number}", to="13800138000") for number in range(many))
    )
    return Counter(delivery.status for delivery in deliveries)


@pytest.mark.parametrize(
    "many", [1_000, pytest.param(10_000, marks=pytest.mark.campaign)], ids=["1000", "10000"]
)
def test_a_burst_to_one_number(ledger: dict[str, str], many: int) -> None:
    """A burst to one number sends exactly the cap, and says of each of the others what became of it."""

    async def story() -> None:
        vendor = Vendor()
        async with Hub({"ledger": ledger, "policies": FIVE_A_DAY}, providers={"a": vendor}) as hub:
            statuses = await sent_at_once(hub, many)
            assert len(vendor.messages) == statuses[Status.ACCEPTED] == 5
            assert statuses.total() == many
            assert statuses.keys() <= {Status.ACCEPTED, Status.SUPPRESSED, Status.DEFERRED, Status.EXPIRED}

    asyncio.run(story())


@pytest.mark.parametrize(
    "many", [1_000, pytest.param(10_000, marks=pytest.mark.campaign)], ids=["1000", "10000"]
)
def test_a_burst_from_the_queue(ledger: dict[str, str], many: int) -> None:
    """The same through the queue: a worker sends the cap and nothing more."""

    async def story() -> None:
        vendor = Vendor()
        async with Hub({"ledger": ledger, "policies": FIVE_A_DAY}, providers={"a": vendor}) as hub:
            await asyncio.gather(*(hub.enqueue(text=f"t{n}", to="13800138000") for n in range(many)))
            await hub.run_worker(drain=True)
            assert len(vendor.messages) == 5

    asyncio.run(story())


class Clocked(Vendor):
    """Knows when it was asked, and by its own clock refuses what comes too soon, as the vendor does."""

    def __init__(self, name: str, seconds: float) -> None:
        rule = LimitRule(name="to a number", limits=(Limit(1, seconds),))
        super().__init__(name, limits=(rule,))
        self._seconds = seconds
        self.at: list[float] = []
        self.refused = 0

    async def send(self, message: Message) -> Outcome:
        now = time.time()
        if self.at and now - self.at[-1] < self._seconds:
            self.refused += 1
            return Outcome.refused(Reason.RECIPIENT_RATE, code="4080", retry_after=self._seconds)
        self.at.append(now)
        return await super().send(message)


def test_a_burst_under_the_vendors_limit(ledger: dict[str, str]) -> None:
    """A burst to one number comes out one by one, in order; the vendor never refuses, and none is lost."""
    seconds, many = 0.4, 7

    async def story() -> None:
        vendor = Clocked("a", seconds)
        settings = {"ledger": ledger, "policies": {"vendor_limits": True}}
        async with Hub(settings, providers={"a": vendor}) as hub:
            for number in range(many):
                await hub.enqueue(text=f"text{number}", to="13800138000")
            stood_still = await worked(hub, lambda: len(vendor.messages) == many)
        assert vendor.refused == 0
        said, texts = [message.text for message in vendor.messages], [f"text{n}" for n in range(many)]
        assert sorted(said) == texts
        # Whoever comes back is given 0.3 s to be late; a worker looks every 0.25 s at the least.
        assert said == texts or stood_still > 0.05

    asyncio.run(story())


def test_failover_takes_its_turn(ledger: dict[str, str]) -> None:
    """An instance that a message fails over to has its turn taken as well, and is passed over without one."""

    async def story() -> None:
        def refusing(name: str) -> Vendor:
            return Vendor(name, outcomes=[Outcome.refused(Reason.BALANCE, code="4051")] * 9)

        a, b = refusing("a"), Vendor("b", limits=(LimitRule(name="day", limits=(Limit(2, 86400),)),))
        settings = {"ledger": ledger, "policies": {"vendor_limits": True}}
        async with Hub(settings, providers={"a": a, "b": b}) as hub:
            for number in range(3):
                last = await hub.send(text=f"text{number}", to="13800138000")
        assert len(b.messages) == 2
        assert last.status in (Status.REFUSED, Status.NOT_SENT, Status.DEFERRED, Status.QUEUED)
        assert "b is passed over: b: day 2/day is used up" in last.explain() or "b: day" in str(last.detail)

    asyncio.run(story())


class Away(MemoryLedger):
    """A ledger that cannot be asked about quotas for a while."""

    away = True

    async def admit(self, question: Question) -> Admission:
        if self.away:
            raise LedgerUnavailable("locked")
        return await super().admit(question)

    async def enter(self, job: Job, question: Question) -> tuple[Delivery, Admission]:
        if self.away:  # as one transaction: then the delivery is not kept either
            raise LedgerUnavailable("locked")
        return await super().enter(job, question)


def test_without_the_ledger_nothing_is_sent() -> None:
    """While nobody can be asked nothing goes; what was queued comes back and is sent afterwards."""

    async def story() -> None:
        ledger, vendor = Away(), Vendor()
        async with Hub({"policies": FIVE_A_DAY}, providers={"a": vendor}, ledger=ledger) as hub:
            with pytest.raises(LedgerUnavailable):
                await hub.send(text="now", to="13800138000")
            queued = await hub.enqueue(text="later", to="13800138000")
            await hub.run_worker(drain=True)
            assert vendor.messages == ()
            waiting = await hub.delivery(queued.id)
            assert waiting.status is Status.QUEUED
            assert "without them nothing is sent" in waiting.explain()
            ledger.away = False
            await worked(hub, lambda: len(vendor.messages) == 1)
            assert (await hub.delivery(queued.id)).status is Status.ACCEPTED

    asyncio.run(story())


def test_what_is_put_back_is_not_its_own_repetition(ledger: dict[str, str]) -> None:
    """A delivery that found nobody and went back into the queue is sent when somebody is there again."""

    async def story() -> None:
        vendor = Vendor(outcomes=[Outcome.not_sent()] * 3)
        policies: dict[str, Any] = {"deduplicate": {"window": 60}, "limits": [{"limit": "1/day"}]}
        async with Hub({"ledger": ledger, "policies": policies}, providers={"a": vendor}) as hub:
            queued = await hub.enqueue(text="words", to="13800138000")
            await worked(hub, lambda: len(vendor.messages) == 4)
            assert (await hub.delivery(queued.id)).status is Status.ACCEPTED

    asyncio.run(story())
