"""An operator's word on a delivery of which only people can say what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifyhub import Delivery, Hub, NotificationError, Outcome, Reason, Status, UnknownDelivery
from notifyhub.errors import WrongState
from notifyhub.ledger import Job, MemoryLedger
from notifyhub.outcome import Receipt
from notifyhub.resolution import Verdict
from notifyhub.testing import RecordingProvider

NUMBER = "+8613800138000"
Story = Callable[[Hub, RecordingProvider, Delivery], Coroutine[Any, Any, None]]


def play(story: Story, *, ledger: MemoryLedger | None = None, **asked: Any) -> None:
    """A story about an order of which nobody knows whether it went out."""

    async def run() -> None:
        vendor = RecordingProvider("vendor")
        vendor.will_answer(Outcome.unknown(Reason.TIMEOUT))
        async with Hub(providers={"vendor": vendor}, ledger=ledger) as hub:
            held = await hub.send(**{"text": "your order", "to": NUMBER, **asked})
            assert held.status is Status.UNKNOWN
            await story(hub, vendor, held)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("verdict", "status"), [("delivered", Status.DELIVERED), ("failed", Status.UNDELIVERED)]
)
def test_a_word(verdict: str, status: Status) -> None:
    """`delivered` and `failed` end it, and who said so and why is among its steps; said twice is told."""

    async def story(hub: Hub, vendor: RecordingProvider, held: Delivery) -> None:
        former, again = await hub.resolve(held.id, verdict, why="she\n phoned", by="lin")
        assert (former.status, again) == (status, None)
        assert await hub.delivery(held.id) == former
        assert f"operator: lin says {verdict}: she phoned" in former.explain()
        with pytest.raises(WrongState):
            await hub.resolve(held.id, verdict, why="again")

    play(story)


def test_resend() -> None:
    """`resend` queues a new delivery that names the old one, with the same words; the old one has failed."""

    async def story(hub: Hub, vendor: RecordingProvider, held: Delivery) -> None:
        former, again = await hub.resolve(held.id, Verdict.RESEND, why="not in the vendor's list")
        assert again is not None
        assert (former.status, again.status) == (Status.UNDELIVERED, Status.QUEUED)
        assert (again.resend_of, again.attempts, again.provider, again.reason) == (held.id, (), None, None)
        assert again.id in former.explain()
        assert held.id in again.explain()
        await hub.run_worker(drain=True)
        assert (await hub.delivery(again.id)).ok
        assert [m.text for m in vendor.messages] == ["your order", "your order"]

    play(story)


def test_resend_said_by_two() -> None:
    """Two operators who say `resend` at once, or one who is impatient, send it once."""

    class Slow(MemoryLedger):
        async def open(self, job: Job) -> Delivery:
            opened = await super().open(job)
            await asyncio.sleep(0.01)
            return opened

    async def story(hub: Hub, vendor: RecordingProvider, held: Delivery) -> None:
        said = [hub.resolve(held.id, "resend", why="sure") for _ in range(5)]
        results = await asyncio.gather(*said, return_exceptions=True)
        assert [type(result) for result in results if isinstance(result, Exception)] == [WrongState] * 4
        await hub.run_worker(drain=True)
        assert len(vendor.messages) == 2

    play(story, ledger=Slow())


def test_resend_after_a_broken_one() -> None:
    """A `resend` that broke off in the middle is carried on by saying it again, and goes once."""

    class Breaks(MemoryLedger):
        broken = False

        async def resolve(self, delivery_id: str, status: Status, step: str) -> Delivery:
            if not self.broken:
                self.broken = True
                raise ConnectionError
            return await super().resolve(delivery_id, status, step)

    async def story(hub: Hub, vendor: RecordingProvider, held: Delivery) -> None:
        with pytest.raises(ConnectionError):
            await hub.resolve(held.id, "resend", why="sure")
        await hub.run_worker(drain=True)
        former, again = await hub.resolve(held.id, "resend", why="sure")
        assert again is not None
        assert (former.status, again.status) == (Status.UNDELIVERED, Status.ACCEPTED)
        assert len(vendor.messages) == 2

    play(story, ledger=Breaks())


def test_a_receipt_comes_in_between() -> None:
    """A receipt that says the first one arrived, while `resend` is being said, has nothing sent again."""

    class Receives(MemoryLedger):
        async def resolve(self, delivery_id: str, status: Status, step: str) -> Delivery:
            receipt = Receipt(provider="vendor", provider_message_id="7", delivered=True, address=NUMBER)
            await self.receive(receipt)
            return await super().resolve(delivery_id, status, step)

    async def run() -> None:
        vendor = RecordingProvider("vendor")
        vendor.will_answer(Outcome.unknown(Reason.TIMEOUT, provider_message_id="7"))
        async with Hub(providers={"vendor": vendor}, ledger=Receives()) as hub:
            held = await hub.send(text="x", to=NUMBER)
            with pytest.raises(WrongState, match="delivered"):
                await hub.resolve(held.id, "resend", why="sure")
            await hub.run_worker(drain=True)
            assert (await hub.delivery(held.id)).status is Status.DELIVERED
        assert len(vendor.messages) == 1

    asyncio.run(run())


def test_what_cannot_be_resolved() -> None:
    """No reason, an unknown verdict, an unknown delivery, and one whose fate is known are told by name."""

    async def story(hub: Hub, vendor: RecordingProvider, held: Delivery) -> None:
        with pytest.raises(NotificationError, match=r"why: is empty"):
            await hub.resolve(held.id, "failed", why="  ")
        with pytest.raises(NotificationError, match=r"did you mean `resend`"):
            await hub.resolve(held.id, "resent", why="x")
        for verdict in Verdict:
            with pytest.raises(UnknownDelivery):
                await hub.resolve("nothing", verdict, why="x")
        sent = await hub.send(text="y", to=NUMBER)
        for verdict in Verdict:
            with pytest.raises(WrongState, match="accepted"):
                await hub.resolve(sent.id, verdict, why="x")

    play(story)


def test_words_that_are_gone() -> None:
    """A code is erased at its delivery's end, and cannot be sent again: that is said, and nothing queued."""

    async def story(hub: Hub, vendor: RecordingProvider, held: Delivery) -> None:
        with pytest.raises(WrongState, match="erased"):
            await hub.resolve(held.id, "resend", why="x")
        assert (await hub.ledger.backlog()).ready == 0

    play(story, category="otp")


def test_what_has_expired() -> None:
    """What has expired meanwhile is not sent again."""

    async def story(hub: Hub, vendor: RecordingProvider, held: Delivery) -> None:
        await asyncio.sleep(0.3)
        with pytest.raises(WrongState, match="expired"):
            await hub.resolve(held.id, "resend", why="x")

    play(story, expires_at=datetime.now(UTC) + timedelta(seconds=0.25))
