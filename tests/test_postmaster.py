"""The postmaster: what is sent is on record before its first byte, and whatever cuts it off is too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifyhub import Delivery, Hub, Message, Outcome, Reason, Status, hookimpl, provider
from notifyhub.carrier import Carrier
from notifyhub.errors import LedgerUnavailable
from notifyhub.ledger import Admission, Job, Ledger, MemoryLedger, Question, open_ledger
from notifyhub.ledger.sql.ledger import SqlLedger
from notifyhub.ledger.sqlite import SqliteStore
from notifyhub.plugins import Plugins
from notifyhub.policy import ALLOW, Decision, Defer
from notifyhub.testing import RecordingProvider

NUMBER = "+8613800138000"
Story = Callable[[Hub], Coroutine[Any, Any, None]]


def sqlite(folder: Path, lease: float = 30.0) -> Ledger:
    return open_ledger("sqlite:///n.db", synchronous="NORMAL", lease=lease, keys=(), folder=folder)


def play(story: Story, *providers: Any, ledger: Ledger, **options: Any) -> None:
    async def run() -> None:
        named = {f"v{n}": one for n, one in enumerate(providers)}
        async with Hub(providers=named, ledger=ledger, **options) as hub:
            await story(hub)

    asyncio.run(asyncio.wait_for(run(), 30))


class Looking(RecordingProvider):
    """Looks into the ledger from another process's side while it is asked to send."""

    def __init__(self, other: Ledger, *answers: Outcome) -> None:
        super().__init__("looking")
        self.other = other
        self.seen: list[tuple[str, str | None, int]] = []
        self.will_answer(*answers)

    async def send(self, message: Message) -> Outcome:
        job = await self.other.job(message.id)
        assert job is not None
        self.seen.append((job.delivery.status, job.instance, len(job.delivery.attempts)))
        return await super().send(message)


def test_committed_before_the_first_byte(tmp_path: Path) -> None:
    """Each submission is in the ledger, with its instance and all that came before, when it begins."""
    other = sqlite(tmp_path)
    first = Looking(other, Outcome.refused(Reason.BALANCE), Outcome.refused(Reason.BALANCE))
    second = Looking(other)

    async def story(hub: Hub) -> None:
        sent = await hub.send(text="1", to=NUMBER)
        queued = await hub.enqueue(text="2", to=NUMBER)
        await hub.run_worker(drain=True)
        assert sent.provider == (await hub.delivery(queued.id)).provider == "v1"
        await other.aclose()

    play(story, first, second, ledger=sqlite(tmp_path), settings={"breaker": {"cooldown": 0.001}})
    assert first.seen == [("sending", "v0", 0)] * 2
    assert second.seen == [("sending", "v1", 1)] * 2


class Stubborn(MemoryLedger):
    """Does what it is told as often as `works` says, then is unavailable."""

    durable = True

    def __init__(self, **works: int) -> None:
        super().__init__()
        self.works = works
        self.calls: list[str] = []

    def _may(self, what: str) -> None:
        self.calls.append(what)
        if what in self.works:
            self.works[what] -= 1
            if self.works[what] < 0:
                raise LedgerUnavailable("away")

    async def open(self, job: Job) -> Delivery:
        self._may("open")
        return await super().open(job)

    async def submitting(self, delivery: Delivery, instance: str) -> None:
        self._may("submitting")
        await super().submitting(delivery, instance)

    async def record(self, delivery: Delivery) -> Delivery:
        self._may("record")
        return await super().record(delivery)


def test_without_its_record_nothing_is_sent() -> None:
    """Where a ledger cannot be written to, `send` raises before anything went out."""
    vendor = RecordingProvider("v")

    async def story(hub: Hub) -> None:
        for method in (hub.send, hub.enqueue):
            with pytest.raises(LedgerUnavailable):
                await method(text="1", to=NUMBER)

    play(story, vendor, ledger=Stubborn(open=0))
    assert vendor.messages == ()


def test_without_its_record_no_second_vendor() -> None:
    """Where the second submission cannot be committed it is not made, and explain() says so."""
    first, second = RecordingProvider("v"), RecordingProvider("v")
    first.will_answer(Outcome.refused(Reason.BALANCE))

    async def story(hub: Hub) -> None:
        sent = await hub.send(text="1", to=NUMBER)
        assert (sent.status, sent.reason) == (Status.REFUSED, Reason.BALANCE)
        assert "ledger: LedgerUnavailable, so nothing is submitted to v1" in sent.explain()

    play(story, first, second, ledger=Stubborn(submitting=0))
    assert second.messages == ()


def test_an_outcome_that_cannot_be_written() -> None:
    """The caller is told what was seen, not that it failed; it is written as soon as that can be."""
    ledger, watcher, plugins = Stubborn(record=0), Watcher(), Plugins()
    plugins.register(watcher)

    async def story(hub: Hub) -> None:
        sent = await hub.send(text="1", to=NUMBER)
        assert sent.ok
        assert (await hub.delivery(sent.id)).status is Status.SENDING
        assert watcher.seen == []
        del ledger.works["record"]
        await asyncio.gather(hub._upkeep.once(), hub._upkeep.once())
        assert (await hub.delivery(sent.id)).status is Status.ACCEPTED

    import notifyhub.recorder as recorder

    before, recorder.PAUSES = recorder.PAUSES, (0.0, 0.01)
    try:
        play(story, RecordingProvider("v"), ledger=ledger, plugins=plugins)
    finally:
        recorder.PAUSES = before
    assert watcher.seen == ["accepted"]


class Watcher:
    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def notifyhub_delivery_changed(self, delivery: Delivery) -> None:
        self.seen.append(delivery.status)


def test_cancelled_while_it_is_written() -> None:
    """A caller who stops waiting while the outcome is written does not undo it."""
    writing = asyncio.Event()

    class Slow(MemoryLedger):
        async def record(self, delivery: Delivery) -> Delivery:
            writing.set()
            await asyncio.sleep(0.05)
            return await super().record(delivery)

    async def story(hub: Hub) -> None:
        task = asyncio.create_task(hub.send(text="1", to=NUMBER, key="k"))
        await writing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        kept = await hub.ledger.by_key("k")
        assert kept is not None
        assert kept.status is Status.ACCEPTED

    play(story, RecordingProvider("v"), ledger=Slow())


async def stop_waiting(hub: Hub, text: str, reached: asyncio.Event) -> None:
    """Send, stop waiting for it once that point is reached, and see that it says nothing was sent."""
    task = asyncio.create_task(hub.send(text=text, to=NUMBER, key="k"))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    kept = await hub.ledger.by_key("k")
    assert kept is not None
    assert (kept.status, kept.reason, kept.attempts) == (Status.NOT_SENT, Reason.INTERRUPTED, ())
    assert (await hub.ledger.backlog()).sending == 0


@pytest.mark.parametrize("where", ["open", "policy"])
def test_cancelled_before_anything_was_sent(tmp_path: Path, where: str) -> None:
    """A caller who stops waiting before the first byte leaves a delivery that says nothing was sent."""
    reached = asyncio.Event()

    class Asked:
        name = "asked"

        async def decide(self, message: Message) -> Decision:
            reached.set()
            await asyncio.Event().wait()
            return ALLOW

    async def story(hub: Hub) -> None:
        if where == "open":
            opening = hub.ledger.open

            async def slow(job: Job) -> Delivery:
                opened = await opening(job)
                if not reached.is_set():
                    reached.set()
                    await asyncio.Event().wait()
                return opened

            hub.ledger.open = slow  # type: ignore[method-assign]
        await stop_waiting(hub, "1", reached)

    vendor = RecordingProvider("v")
    play(story, vendor, ledger=sqlite(tmp_path), policies=[Asked()])
    assert vendor.messages == ()


@pytest.mark.parametrize("where", ["entering", "telling"])
def test_cancelled_while_it_is_counted(tmp_path: Path, where: str) -> None:
    """A caller who stops waiting while the ledger counts, or a policy is told, leaves nothing under way."""
    reached = asyncio.Event()

    class Told:
        name = "told"

        async def decide(self, message: Message) -> Decision:
            return ALLOW

        async def settle(self, message: Message, delivery: Delivery) -> None:
            if where == "telling" and delivery.status is not Status.ACCEPTED and not reached.is_set():
                reached.set()
                await asyncio.Event().wait()

    async def story(hub: Hub) -> None:
        await hub.send(text="1", to=NUMBER)  # which uses the limit up
        if where == "entering":
            entering = hub.ledger.enter

            async def slow(job: Job, question: Question) -> tuple[Delivery, Admission]:
                entered = await entering(job, question)
                reached.set()
                await asyncio.Event().wait()
                return entered

            hub.ledger.enter = slow  # type: ignore[method-assign]
        await stop_waiting(hub, "2", reached)

    vendor = RecordingProvider("v")
    settings = {"policies": {"limits": [{"limit": "1/day", "over": "suppress"}]}}
    play(story, vendor, ledger=sqlite(tmp_path), policies=[Told()], settings=settings)
    assert len(vendor.messages) == 1


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("window", ["sliding", "fixed"])
def test_cancelled_it_counts_no_more(tmp_path: Path, durable: bool, window: str) -> None:
    """What was counted for a caller who had stopped waiting by then is given back: nothing was sent."""
    reached = asyncio.Event()

    async def story(hub: Hub) -> None:
        entering = hub.ledger.enter

        async def slow(job: Job, question: Question) -> tuple[Delivery, Admission]:
            entered = await entering(job, question)
            if not reached.is_set():
                reached.set()
                await asyncio.Event().wait()
            return entered

        hub.ledger.enter = slow  # type: ignore[method-assign]
        await stop_waiting(hub, "1", reached)
        assert (await hub.send(text="2", to=NUMBER)).status is Status.ACCEPTED
        assert (await hub.send(text="3", to=NUMBER)).status is Status.SUPPRESSED

    limit = {"limit": "1/day", "over": "suppress", "window": window}
    ledger = sqlite(tmp_path) if durable else MemoryLedger()
    play(story, RecordingProvider("v"), ledger=ledger, settings={"policies": {"limits": [limit]}})


@pytest.mark.parametrize("durable", [True, False])
def test_deferred(tmp_path: Path, durable: bool) -> None:
    """What a policy puts off is queued in a ledger that lasts; in memory nobody will send it."""

    class Later:
        name = "later"

        async def decide(self, message: Message) -> Decision:
            return Defer(datetime.now(UTC) + timedelta(hours=1), "quiet hours")

    async def story(hub: Hub) -> None:
        sent = await hub.send(text="1", to=NUMBER)
        assert sent.status is (Status.QUEUED if durable else Status.DEFERRED)
        assert sent.due is not None
        code = await hub.send(text="1", to=NUMBER, category="otp")
        assert code.status is (Status.EXPIRED if durable else Status.DEFERRED)

    ledger = sqlite(tmp_path) if durable else MemoryLedger()
    play(story, RecordingProvider("v"), ledger=ledger, policies=[Later()])


def test_the_words_are_those_of_the_enqueueing(tmp_path: Path) -> None:
    """What is sent are the words as they were rendered then, though the notice has changed since."""
    notice = tmp_path / "own" / "note"
    notice.mkdir(parents=True)
    (notice / "notice.toml").write_text('summary = "x"\ncategory = "order"\n')
    (notice / "sms.zh.j2").write_text("old words")
    vendor = RecordingProvider("v")

    async def run() -> None:
        async with Hub(ledger=sqlite(tmp_path), providers={"v": vendor}, templates=[tmp_path / "own"]) as hub:
            await hub.enqueue("note", to=NUMBER)
        (notice / "sms.zh.j2").write_text("new words")
        async with Hub(ledger=sqlite(tmp_path), providers={"v": vendor}, templates=[tmp_path / "own"]) as hub:
            await hub.run_worker(drain=True)

    asyncio.run(run())
    assert vendor.last.text == "old words"


def test_log_has_nothing_personal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log of a queued code's whole life has ids and states, and neither code nor number."""
    caplog.set_level(logging.DEBUG)

    async def story(hub: Hub) -> None:
        sent = await hub.enqueue("login/code", to=NUMBER, data={"code": "482913"})
        gone = await hub.enqueue("login/code", to=NUMBER, data={"code": "482913"})
        await hub.cancel(gone.id)
        await hub.run_worker(drain=True)
        for each in (sent, gone):
            assert each.id in caplog.text

    play(story, RecordingProvider("v"), ledger=sqlite(tmp_path))
    for event in ("worker_started", "worker_stopped", "status=queued", "status=cancelled", "status=accepted"):
        assert event in caplog.text
    for secret in ("13800138000", "482913", "验证码"):
        assert secret not in caplog.text


def test_never_two_tasks_of_one_process(tmp_path: Path) -> None:
    """What was taken from a process that was silent for too long, and comes back to it, is not sent beside
    the task that is at it still: a code has two copies at most.
    """
    clock = [1_795_276_800.0]
    path = tmp_path / "n.db"
    ours = SqlLedger(SqliteStore(path, clock=lambda: clock[0]), lease=5.0)
    others = SqlLedger(SqliteStore(path, clock=lambda: clock[0]), lease=5.0)
    asked: list[str] = []
    begun, answer = asyncio.Event(), asyncio.Event()

    @provider("slow", channels={"sms"})
    async def slow(message: Message) -> Outcome:
        asked.append("slow")
        begun.set()
        await answer.wait()
        return Outcome.unknown(Reason.TIMEOUT)

    @provider("quick", channels={"sms"})
    async def quick(message: Message) -> Outcome:
        asked.append("quick")
        await asyncio.sleep(0.3)
        return Outcome.accepted(f"q{len(asked)}")

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="code", to=NUMBER, category="otp")
        clock[0] = datetime.now(UTC).timestamp()
        carrier = Carrier(ours, hub._postmaster, hub._escalations.route, hub._chains, hub._digests)
        (first,) = await ours.claim(1, submitting=True)
        path_ = hub.router.route(first.message)
        carrying = asyncio.create_task(carrier.carry(first))
        await begun.wait()
        clock[0] += 6
        async with Hub(providers={"slow": slow, "quick": quick}, ledger=others) as other:
            (left,) = await others.take_over(1)
            await other._postmaster.recover(left, path_, "it was silent")
        (again,) = await ours.claim(1)
        carrying_again = asyncio.create_task(carrier.carry(again))
        await asyncio.sleep(0.1)
        answer.set()
        await asyncio.gather(carrying, carrying_again)
        assert asked == ["slow", "quick"]
        assert (await hub.delivery(queued.id)).status is Status.ACCEPTED

    async def run() -> None:
        async with Hub(providers={"slow": slow, "quick": quick}, ledger=ours) as hub:
            await story(hub)

    asyncio.run(asyncio.wait_for(run(), 30))
