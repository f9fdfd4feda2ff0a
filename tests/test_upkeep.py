"""Upkeep: what a dead process left behind is found, and said what can be said of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifyhub import Delivery, Hub, Outcome, Reason, Status, hookimpl
from notifyhub.dispatch import Ticket
from notifyhub.errors import LeaseLost, LedgerUnavailable
from notifyhub.ledger import Job, Ledger, MemoryLedger, open_ledger
from notifyhub.plugins import Plugins
from notifyhub.testing import RecordingProvider

NUMBER = "+8613800138000"
LEASE = 0.2


def sqlite(folder: Path) -> Ledger:
    return open_ledger("sqlite:///n.db", synchronous="NORMAL", lease=LEASE, keys=(), folder=folder)


def hub_on(folder: Path, *providers: RecordingProvider, **options: Any) -> Hub:
    return Hub(providers={f"v{n}": one for n, one in enumerate(providers)}, ledger=sqlite(folder), **options)


async def leave_behind(hub: Hub, *attempts: Outcome, **asked: Any) -> Job:
    """A delivery as a process leaves it that was killed in a submission to v0, after these attempts."""
    queued = await hub.enqueue(**{"text": "x", "to": NUMBER, **asked})
    (job,) = await hub.ledger.claim(1, submitting=True)
    assert (job.id, job.delivery.status) == (queued.id, Status.SENDING)
    await hub.aclose()
    await asyncio.sleep(LEASE * 1.2)
    return job


@pytest.mark.parametrize(
    ("category", "status"),
    [
        ("order", Status.UNKNOWN),
        ("marketing", Status.UNKNOWN),
        ("otp", Status.QUEUED),
        ("alert", Status.QUEUED),
        ("ops", Status.QUEUED),
    ],
)
def test_recovered(tmp_path: Path, category: str, status: Status) -> None:
    """What was being submitted may have gone: it is held, or carried on where its category lets it."""
    first, second = RecordingProvider("a"), RecordingProvider("b")

    async def run() -> None:
        job = await leave_behind(hub_on(tmp_path, first, second), category=category)
        async with hub_on(tmp_path, first, second) as hub:
            assert await hub._upkeep.once() == 1
            assert await hub._upkeep.once() == 0
            kept = await hub.delivery(job.id)
            assert (kept.status, kept.copies, kept.provider) == (status, 1, "v0")
            assert kept.attempts[0].outcome.reason is Reason.INTERRUPTED
            assert "the process that was sending it ended" in kept.explain()
            await hub.run_worker(drain=True)
            after = await hub.delivery(job.id)
        copies = len(first.messages) + len(second.messages)
        if status is Status.UNKNOWN:
            assert (after, copies) == (kept, 0)
        else:
            assert (after.status, after.copies, copies) == (Status.ACCEPTED, 2, 1)
        if category == "otp":  # never the same provider again
            assert (len(first.messages), len(second.messages)) == (0, 1)

    asyncio.run(run())


def test_recovered_after_its_deadline(tmp_path: Path) -> None:
    """Past its deadline nothing follows, whatever its category allows."""

    async def run() -> None:
        over = datetime.now(UTC) + timedelta(seconds=0.2)
        vendor = RecordingProvider("a")
        job = await leave_behind(hub_on(tmp_path, vendor), category="alert", expires_at=over)
        async with hub_on(tmp_path, vendor) as hub:
            await hub._upkeep.once()
            kept = await hub.delivery(job.id)
            assert (kept.status, "deadline: passed" in kept.explain()) == (Status.UNKNOWN, True)
        assert vendor.messages == ()

    asyncio.run(run())


def test_recovered_where_nothing_can_carry_it(tmp_path: Path) -> None:
    """A provider that is not configured any more may have sent it all the same: it is held."""

    async def run() -> None:
        job = await leave_behind(hub_on(tmp_path, RecordingProvider("a")), category="alert")
        async with Hub(
            {"routes": [{"providers": ["mail"], "channel": "email"}]},
            providers={"mail": RecordingProvider("mail")},
            ledger=sqlite(tmp_path),
        ) as hub:
            await hub._upkeep.once()
            kept = await hub.delivery(job.id)
            assert (kept.status, kept.provider) == (Status.UNKNOWN, "v0")

    asyncio.run(run())


def test_claimed_and_not_begun(tmp_path: Path) -> None:
    """What was taken up and not begun goes back into the queue without any doubt about it."""
    vendor = RecordingProvider("a")

    async def run() -> None:
        hub = hub_on(tmp_path, vendor)
        queued = await hub.enqueue(text="x", to=NUMBER)
        assert len(await hub.ledger.claim(1)) == 1
        await hub.aclose()
        await asyncio.sleep(LEASE * 1.2)
        async with hub_on(tmp_path, vendor) as hub:
            await hub.run_worker(drain=True)
            kept = await hub.delivery(queued.id)
            assert (kept.status, len(kept.attempts)) == (Status.ACCEPTED, 1)

    asyncio.run(run())


def test_it_runs_wherever_something_is_sent(tmp_path: Path) -> None:
    """A process that only sends directly renews its leases, and recovers what another one left behind."""
    slow = Slow()

    async def run() -> None:
        job = await leave_behind(hub_on(tmp_path, RecordingProvider("a")))
        async with Hub(providers={"v0": slow}, ledger=sqlite(tmp_path)) as hub:
            sent = await hub.send(text="slow", to=NUMBER)
            assert sent.status is Status.ACCEPTED  # under way for much longer than the lease
            assert (await hub.delivery(job.id)).status is Status.UNKNOWN

    asyncio.run(run())


class Slow(RecordingProvider):
    def __init__(self) -> None:
        super().__init__("slow")

    async def send(self, message: Any) -> Outcome:
        await asyncio.sleep(LEASE * 5)
        return await super().send(message)


def test_another_owner(tmp_path: Path) -> None:
    """Who was silent for too long learns at the next write that it is not theirs any more, and stops."""
    first, second = RecordingProvider("a"), RecordingProvider("b")

    async def run() -> None:
        hub, other = hub_on(tmp_path, first, second), hub_on(tmp_path, first, second)
        hub._upkeep.start = lambda: None  # type: ignore[method-assign]

        async def taken(message: Any) -> Outcome:
            await asyncio.sleep(LEASE * 1.5)
            assert await other._upkeep.once() == 1
            return Outcome.refused(Reason.BALANCE)

        first.send = taken  # type: ignore[method-assign]
        sent = await hub.send(text="x", to=NUMBER)
        assert sent.status is Status.UNKNOWN  # as its new owner has it
        assert second.messages == ()
        kept = await other.delivery(sent.id)
        assert "balance" in kept.explain()
        for each in (hub, other):
            await each.aclose()

    asyncio.run(run())


class Watcher:
    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def notifyhub_delivery_changed(self, delivery: Delivery) -> None:
        self.seen.append(delivery.status)


def test_expired_in_the_queue(tmp_path: Path) -> None:
    """What nobody took up before its deadline is expired, and observers are told of each change."""
    watcher, plugins = Watcher(), Plugins()
    plugins.register(watcher)

    async def run() -> None:
        async with hub_on(tmp_path, RecordingProvider("a"), plugins=plugins) as hub:
            over = datetime.now(UTC) + timedelta(seconds=0.1)
            queued = await hub.enqueue(text="x", to=NUMBER, expires_at=over)
            gone = await hub.enqueue(text="y", to=NUMBER)
            await hub.cancel(gone.id)
            await asyncio.sleep(0.2)
            await hub._upkeep.once()
            assert (await hub.delivery(queued.id)).status is Status.EXPIRED
            assert (await hub.delivery(gone.id)).status is Status.CANCELLED

    asyncio.run(run())
    assert watcher.seen == ["queued", "queued", "cancelled", "expired"]


def test_ids_that_an_engine_lost() -> None:
    """What has been due for long and nobody took up is given to the engine again, even one that raises."""

    async def run() -> None:
        now = 1000.0
        ledger = MemoryLedger(clock=lambda: now)
        async with Hub(providers={"v": RecordingProvider("v")}, ledger=ledger) as hub:
            given: list[Ticket] = []

            async def enqueue(tickets: Sequence[Ticket]) -> None:
                given.extend(tickets)
                raise ConnectionError

            hub._dispatcher.enqueue = enqueue  # type: ignore[method-assign]
            queued = await hub.enqueue(text="x", to=NUMBER, category="otp")
            job = await ledger.job(queued.id)
            assert job is not None
            now += 29
            ledger.expire = nothing  # type: ignore[method-assign] - this clock is not the hub's
            await hub._upkeep.once()
            assert [ticket.delivery_id for ticket in given] == [queued.id]
            now += 2
            await hub._upkeep.once()
            assert [(t.delivery_id, t.priority) for t in given[1:]] == [(queued.id, 0)]

    asyncio.run(run())


async def nothing() -> Sequence[Delivery]:
    return ()


def test_one_delivery_s_trouble() -> None:
    """A recovery that fails at one delivery says it is uncertain, and goes on with the others."""

    async def run() -> None:
        now = 1000.0
        ledger = MemoryLedger(clock=lambda: now)
        async with Hub(providers={"v": RecordingProvider("v")}, ledger=ledger) as hub:
            queued = [await hub.enqueue(text=str(n), to=NUMBER) for n in range(3)]
            await ledger.claim(3, submitting=True)
            recover = hub._postmaster.recover

            async def fail(job: Job, *rest: Any) -> Delivery:
                if job.id == queued[1].id:
                    raise ZeroDivisionError
                return await recover(job, *rest)

            hub._postmaster.recover = fail  # type: ignore[method-assign]
            ledger.renew = nothing  # type: ignore[method-assign] - its holder is dead
            now += 31
            assert await hub._upkeep.once() == 3
            kept = [await hub.delivery(each.id) for each in queued]
            assert {each.status for each in kept} == {Status.UNKNOWN}
            assert "recovery: ZeroDivisionError" in kept[1].explain()

    asyncio.run(run())


def test_it_never_ends(caplog: pytest.LogCaptureFixture) -> None:
    """A ledger that is away, or a bug, does not end the upkeep; closing does."""

    async def run() -> None:
        ledger = MemoryLedger(lease=0.03)
        errors: list[Exception] = [LedgerUnavailable("away"), ZeroDivisionError(), LeaseLost("x")]
        over = asyncio.Event()

        async def expire() -> Sequence[Delivery]:
            if errors:
                raise errors.pop(0)
            over.set()
            return ()

        ledger.expire = expire  # type: ignore[method-assign]
        async with Hub(providers={"v": RecordingProvider("v")}, ledger=ledger) as hub:
            hub._upkeep.start()
            hub._upkeep.start()
            await asyncio.wait_for(over.wait(), 10)
        assert {task.get_name() for task in asyncio.all_tasks()} & {"notifyhub upkeep"} == set()

    asyncio.run(run())
    assert "upkeep_waits" in caplog.text
    assert "upkeep_failed" in caplog.text
