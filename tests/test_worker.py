"""The worker: what is queued is carried on, and a stop loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifyhub import Delivery, Hub, Message, Outcome, Reason, Status, hookimpl
from notifyhub.dispatch import embedded
from notifyhub.errors import LedgerUnavailable
from notifyhub.ledger import Ledger, MemoryLedger, open_ledger
from notifyhub.plugins import Plugins
from notifyhub.policy import ALLOW, Decision, Defer
from notifyhub.providers import Capabilities

NUMBER = "+8613800138000"


class Vendor:
    """Accepts everything, or answers by script; `busy` is awaited in each send."""

    name = "vendor"
    capabilities = Capabilities(channels=frozenset({"sms"}))

    def __init__(self, *answers: Outcome, busy: Callable[[], Awaitable[object]] | None = None) -> None:
        self.answers = list(answers)
        self.busy = busy
        self.got: list[Message] = []
        self.arrived = asyncio.Event()

    async def send(self, message: Message) -> Outcome:
        self.got.append(message)
        self.arrived.set()
        if self.busy is not None:
            await self.busy()
        return self.answers.pop(0) if self.answers else Outcome.accepted(f"v{len(self.got)}")

    async def aclose(self) -> None:
        """Nothing is held."""


async def for_ever() -> None:
    await asyncio.Event().wait()


Story = Callable[[Hub], Coroutine[Any, Any, None]]


def play(story: Story, *vendors: Vendor, ledger: Ledger | None = None, **options: Any) -> None:
    async def run() -> None:
        providers = {f"v{n}": vendor for n, vendor in enumerate(vendors)}
        async with Hub(providers=providers, ledger=ledger or MemoryLedger(), **options) as hub:
            await story(hub)

    asyncio.run(asyncio.wait_for(run(), 30))


def sqlite(folder: Path, lease: float = 30.0) -> Ledger:
    return open_ledger("sqlite:///n.db", synchronous="NORMAL", lease=lease, keys=(), folder=folder)


def test_drained() -> None:
    """With `drain` it carries on all that is due, says how each came to rest, and ends."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        queued = [await hub.enqueue(text=str(n), to=NUMBER) for n in range(40)]
        later = await hub.enqueue(text="x", to=NUMBER, send_at=datetime.now(UTC) + timedelta(hours=1))
        counts = await hub.run_worker(concurrency=7, drain=True)
        assert (counts.by_status, counts.total, counts.under_way) == ({Status.ACCEPTED: 40}, 40, 0)
        assert {(await hub.delivery(each.id)).status for each in queued} == {Status.ACCEPTED}
        assert (await hub.delivery(later.id)).status is Status.QUEUED

    play(story, vendor)
    assert sorted(m.text for m in vendor.got) == sorted(map(str, range(40)))


def test_at_most_so_many_at_once() -> None:
    """No more deliveries are under way at once than its concurrency says."""
    at_once: list[int] = []
    now = 0

    async def busy() -> None:
        nonlocal now
        now += 1
        at_once.append(now)
        await asyncio.sleep(0.002)
        now -= 1

    async def story(hub: Hub) -> None:
        for n in range(30):
            await hub.enqueue(text=str(n), to=NUMBER)
        await hub.run_worker(concurrency=3, drain=True)

    play(story, Vendor(busy=busy))
    assert (max(at_once), len(at_once)) == (3, 30)


def test_codes_go_first() -> None:
    """A code enqueued behind marketing is taken up before it."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        for n in range(20):
            await hub.enqueue(text=str(n), to=NUMBER, category="marketing")
        await hub.enqueue(text="code", to=NUMBER, category="otp")
        await hub.run_worker(concurrency=1, drain=True)

    play(story, vendor)
    assert vendor.got[0].text == "code"


def test_sent_when_it_is_due() -> None:
    """What has `send_at` is sent then, and not before."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        due = datetime.now(UTC) + timedelta(seconds=0.4)
        queued = await hub.enqueue(text="x", to=NUMBER, send_at=due)
        async with working(hub):
            await asyncio.wait_for(vendor.arrived.wait(), 10)
            assert datetime.now(UTC) >= due
        assert (await hub.delivery(queued.id)).ok

    play(story, vendor)


class working:  # noqa: N801 - reads as a word
    """A worker runs meanwhile, and is stopped."""

    def __init__(self, hub: Hub, **options: Any) -> None:
        self.worker = hub.worker(**options)

    async def __aenter__(self) -> working:
        self._task = asyncio.create_task(self.worker.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.worker.stop()
        await self._task


def test_the_grace() -> None:
    """Told to stop it takes nothing more up, and what is under way ends as if nothing had happened."""

    async def story(hub: Hub) -> None:
        first = await hub.enqueue(text="1", to=NUMBER)
        async with working(hub, concurrency=1, grace=10) as work:
            await vendor.arrived.wait()
            second = await hub.enqueue(text="2", to=NUMBER)
            work.worker.stop()
        assert (await hub.delivery(first.id)).status is Status.ACCEPTED
        assert (await hub.delivery(second.id)).status is Status.QUEUED

    vendor = Vendor(busy=lambda: asyncio.sleep(0.2))
    play(story, vendor)


@pytest.mark.parametrize(
    ("category", "status"),
    [("order", Status.UNKNOWN), ("marketing", Status.UNKNOWN), ("alert", Status.QUEUED)],
)
def test_cut_off_in_an_attempt(tmp_path: Path, category: str, status: Status) -> None:
    """After the grace what is being sent is uncertain: held, or queued again where its category lets it."""
    vendor = Vendor(busy=for_ever)

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="1", to=NUMBER, category=category)
        started = asyncio.get_running_loop().time()
        async with working(hub, grace=0.1):
            await vendor.arrived.wait()
        assert asyncio.get_running_loop().time() - started < 3
        kept = await hub.delivery(queued.id)
        assert (kept.status, kept.reason, kept.copies) == (status, Reason.INTERRUPTED, 1)
        assert ("caller" in kept.explain(), "its task was cancelled" in kept.explain()) == (False, True)

    play(story, vendor, ledger=sqlite(tmp_path))


def test_cut_off_before_anything_was_sent(tmp_path: Path) -> None:
    """Cut off while the policies are asked, it goes back into the queue at once: nothing is uncertain."""
    asked = asyncio.Event()

    class Slow:
        name = "slow"

        async def decide(self, message: Message) -> Decision:
            asked.set()
            await for_ever()
            return ALLOW

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="1", to=NUMBER)
        async with working(hub, grace=0.0):
            await asked.wait()
        kept = await hub.delivery(queued.id)
        assert (kept.status, kept.attempts) == (Status.QUEUED, ())
        assert [job.id for job in await hub.ledger.claim(1)] == [queued.id]

    vendor = Vendor()
    play(story, vendor, ledger=sqlite(tmp_path), policies=[Slow()])
    assert vendor.got == []


def test_cut_off_between_two_attempts() -> None:
    """Cut off in the pause before a second attempt, an alert is carried on with it by the next worker."""
    vendor = Vendor(Outcome.unknown(Reason.TIMEOUT))
    settings = {"categories": {"alert": {"on_unknown": "retry", "max_submits": 2, "backoff": 4}}}

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="1", to=NUMBER, category="alert")
        async with working(hub, grace=0.0):
            await vendor.arrived.wait()
            await asyncio.sleep(0.05)
        kept = await hub.delivery(queued.id)
        assert (kept.status, len(kept.attempts)) == (Status.QUEUED, 1)
        assert "queue: the same instance once more" in kept.explain()
        await hub.run_worker(drain=True)
        assert ((await hub.delivery(queued.id)).status, len(vendor.got)) == (Status.ACCEPTED, 2)

    play(story, vendor, settings=settings)


def test_cancelled_like_stopped() -> None:
    """`run_worker` cancelled by the application gives the grace before it ends."""
    vendor = Vendor(busy=lambda: asyncio.sleep(0.2))

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="1", to=NUMBER)
        task = asyncio.create_task(hub.run_worker())
        await vendor.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await hub.delivery(queued.id)).status is Status.ACCEPTED

    play(story, vendor)


def test_cancelled_twice() -> None:
    """Cancelled a second time it does not wait for the grace."""
    vendor = Vendor(busy=for_ever)

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="1", to=NUMBER)
        task = asyncio.create_task(hub.run_worker())
        await vendor.arrived.wait()
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
        assert (await hub.delivery(queued.id)).status is Status.UNKNOWN

    play(story, vendor)


def test_put_back_while_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the account empty a message waits in the queue, longer each time, and then goes."""
    monkeypatch.setattr(embedded, "LONGEST_PAUSE", 0.02)
    vendor = Vendor(Outcome.refused(Reason.BALANCE))
    settings = {"breaker": {"cooldown": 0.6}, "categories": {"order": {"backoff": 0.05}}}

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="1", to=NUMBER)
        async with working(hub):
            while not (kept := await hub.delivery(queued.id)).ok:  # noqa: ASYNC110 - the ledger is watched
                await asyncio.sleep(0.05)
        assert [a.outcome.reason for a in kept.attempts] == [Reason.BALANCE, None]
        waits = [step for step in kept.steps if isinstance(step, str) and "tried again in" in step]
        assert waits[:3] == [
            "queue: tried again in 0.05 s",
            "queue: tried again in 0.1 s: nobody can be asked now, balance",
            "queue: tried again in 0.2 s: nobody can be asked now, balance",
        ]
        assert len([step for step in kept.steps if "route:" in str(step)]) == 2

    play(story, vendor, settings=settings)


def test_a_refusal_of_the_recipient_ends_it() -> None:
    """What is about the recipient does not mend: it rests refused, and is not tried for a day."""
    vendor = Vendor(Outcome.refused(Reason.INVALID_RECIPIENT))

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="1", to=NUMBER)
        await hub.run_worker(drain=True)
        assert (await hub.delivery(queued.id)).status is Status.REFUSED

    play(story, vendor)
    assert len(vendor.got) == 1


def test_deferred_by_a_policy() -> None:
    """What a policy puts off waits in the queue until then, and is asked about again; its time is no more."""
    vendor = Vendor()
    until = datetime.now(UTC) + timedelta(seconds=0.4)

    class Quiet:
        name = "quiet"

        async def decide(self, message: Message) -> Decision:
            return Defer(until, "quiet hours") if datetime.now(UTC) < until else ALLOW

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="1", to=NUMBER)
        code = await hub.enqueue(text="1", to=NUMBER, category="otp", expires_at=until)
        await hub.run_worker(drain=True)
        kept = await hub.delivery(queued.id)
        assert (kept.status, kept.due, kept.detail) == (Status.QUEUED, until, "quiet: quiet hours")
        assert (await hub.delivery(code.id)).status is Status.EXPIRED
        async with working(hub):
            await vendor.arrived.wait()
        assert (await hub.delivery(queued.id)).ok

    play(story, vendor, policies=[Quiet()])
    assert len(vendor.got) == 1


def test_unrouted() -> None:
    """What nothing is set up for any more waits for whoever mends the settings, and says why."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="1", to=NUMBER)
        async with Hub(providers={"mail": _mail()}, ledger=hub.ledger) as other:
            await other.run_worker(drain=True)
            kept = await other.delivery(queued.id)
        assert (kept.status, "no route for channel sms" in (kept.detail or "")) == (Status.QUEUED, True)
        assert kept.due is not None
        assert kept.due > datetime.now(UTC) + timedelta(seconds=30)

    play(story, vendor)


def _mail() -> Vendor:
    vendor = Vendor()
    vendor.capabilities = Capabilities(channels=frozenset({"email"}))
    return vendor


def test_our_own_bug_does_not_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our own code fails at a delivery, it is not left under a lease that is renewed for ever."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        async def fail(*_: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(hub._postmaster, "carry", fail)
        held = await hub.enqueue(text="1", to=NUMBER)
        await hub.run_worker(drain=True)
        kept = await hub.delivery(held.id)
        assert (kept.status, kept.reason) == (Status.UNKNOWN, Reason.INTERRUPTED)
        assert "ZeroDivisionError while it was carried" in kept.explain()

    play(story, vendor)


def test_two_workers(tmp_path: Path) -> None:
    """Two workers on one file share the work: each message is sent once."""
    vendors = Vendor(), Vendor()

    async def run() -> None:
        hubs = [Hub(providers={"v0": vendor}, ledger=sqlite(tmp_path)) for vendor in vendors]
        queued = [await hubs[0].enqueue(text=str(n), to=NUMBER) for n in range(60)]
        await asyncio.gather(*(hub.run_worker(concurrency=4, drain=True) for hub in hubs))
        assert {(await hubs[1].delivery(each.id)).status for each in queued} == {Status.ACCEPTED}
        for hub in hubs:
            await hub.aclose()

    asyncio.run(asyncio.wait_for(run(), 60))
    assert sorted(m.text for v in vendors for m in v.got) == sorted(map(str, range(60)))


class Broken(MemoryLedger):
    """A ledger that cannot be written to while `down`."""

    down = False

    async def record(self, delivery: Delivery) -> Delivery:
        self._up()
        return await super().record(delivery)

    async def claim(self, limit: int, **options: Any) -> Any:
        self._up()
        return await super().claim(limit, **options)

    def _up(self) -> None:
        if self.down:
            raise LedgerUnavailable("down")


def test_a_ledger_that_is_away_for_a_while() -> None:
    """What was accepted while the ledger was away is written when it is back, and nothing is sent again."""
    ledger, watcher, plugins = Broken(), Watcher(), Plugins()
    plugins.register(watcher)

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="1", to=NUMBER)
        async with working(hub):
            await vendor.arrived.wait()
            ledger.down = True
            await asyncio.sleep(0.5)
            assert (await hub.delivery(queued.id)).status is Status.SENDING
            ledger.down = False
            while not (await hub.delivery(queued.id)).ok:  # noqa: ASYNC110 - the ledger is watched
                await asyncio.sleep(0.02)

    vendor = Vendor(busy=lambda: asyncio.sleep(0.1))
    play(story, vendor, ledger=ledger, plugins=plugins)
    assert (watcher.seen, len(vendor.got)) == (["queued", "accepted"], 1)


def test_a_ledger_that_does_not_come_back() -> None:
    """Where what was sent can still not be written down at the end, `run` says so."""
    ledger = Broken()
    vendor = Vendor(busy=lambda: asyncio.sleep(0.1))

    async def story(hub: Hub) -> None:
        await hub.enqueue(text="1", to=NUMBER)
        worker = hub.worker(grace=0.2)
        running = asyncio.create_task(worker.run())
        await vendor.arrived.wait()
        ledger.down = True
        worker.stop()
        with pytest.raises(LedgerUnavailable, match="down"):
            await running

    play(story, vendor, ledger=ledger)


class Watcher:
    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def notifyhub_delivery_changed(self, delivery: Delivery) -> None:
        self.seen.append(delivery.status)


def test_an_engine_that_ends() -> None:
    """A dispatch engine that ends by itself ends the worker, loudly."""

    async def story(hub: Hub) -> None:
        async def ended(work: object) -> None:
            return None

        hub._dispatcher.run = ended  # type: ignore[method-assign]
        with pytest.raises(LedgerUnavailable, match="ended by itself"):
            await hub.run_worker()

    play(story, Vendor())


def test_an_id_before_its_time() -> None:
    """An engine's id that comes a hair before its time is given again; what nobody knows is harmless."""
    vendor = Vendor()

    async def story(hub: Hub) -> None:
        tickets: list[str] = []

        async def enqueue(given: Any) -> None:
            tickets.extend(ticket.delivery_id for ticket in given)

        queued = await hub.enqueue(text="1", to=NUMBER, send_at=datetime.now(UTC) + timedelta(seconds=60))
        hub._dispatcher.enqueue = enqueue  # type: ignore[method-assign]
        worker = hub.worker()
        await worker.carry(queued.id)
        await worker.carry("nobody")
        assert tickets == [queued.id]
        now = await hub.enqueue(text="2", to=NUMBER)
        await worker.carry(now.id)
        await worker.carry(now.id)
        assert (await hub.delivery(now.id)).ok

    play(story, vendor)
    assert [m.text for m in vendor.got] == ["2"]
