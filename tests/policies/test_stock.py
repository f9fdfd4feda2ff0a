"""The stock policies, and the pipeline that asks them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from notifyhub.category import Category
from notifyhub.errors import InvalidAddress
from notifyhub.message import Message
from notifyhub.outcome import Delivery, Status
from notifyhub.policies import Deduplicate, Pipeline, SuppressionList
from notifyhub.policy import ALLOW, Allow, Decision, Defer, Suppress

MESSAGE = Message(channel="sms", to="+8613800138000", text="words", category=Category.MARKETING)


class Fixed:
    def __init__(self, decision: Decision | Exception, name: str = "fixed") -> None:
        self.name = name
        self.decision = decision
        self.settled: list[Status] = []

    async def decide(self, message: Message) -> Decision:
        if isinstance(self.decision, Exception):
            raise self.decision
        return self.decision

    async def settle(self, message: Message, delivery: Delivery) -> None:
        self.settled.append(delivery.status)


def opening(message: Message = MESSAGE) -> Delivery:
    return Delivery(
        id=message.id, status=Status.SENDING, channel="sms", category=message.category, address=message.to
    )


def test_suppression_list_knows_any_writing() -> None:
    """An address on the list is recognised however it was written there, and can be taken off again."""
    listed = SuppressionList(["138 0013 8000", "a@B.co"])
    assert "+8613800138000" in listed
    assert "a@b.co" in listed
    assert isinstance(asyncio.run(listed.decide(MESSAGE)), Suppress)
    listed.remove("13800138000")
    assert asyncio.run(listed.decide(MESSAGE)) is ALLOW


def test_suppression_list_by_category() -> None:
    """A list for marketing lets codes through."""
    listed = SuppressionList(["13800138000"], categories=["marketing"])
    code = Message(channel="sms", to="+8613800138000", text="1", category=Category.OTP)
    assert isinstance(asyncio.run(listed.decide(MESSAGE)), Suppress)
    assert isinstance(asyncio.run(listed.decide(code)), Allow)


def test_suppression_list_refuses_nonsense() -> None:
    """An entry that is no address is refused: it would protect nobody."""
    with pytest.raises(InvalidAddress):
        SuppressionList(["12"])


def test_deduplicate_window() -> None:
    """The same words to the same address go once in the window, and again after it."""
    now = [0.0]
    policy = Deduplicate(60, clock=lambda: now[0])

    async def story() -> list[bool]:
        same = [Message(channel="sms", to=MESSAGE.to, text="words") for _ in range(3)]
        allowed = [isinstance(await policy.decide(m), Allow) for m in same[:2]]
        now[0] = 60
        return [*allowed, isinstance(await policy.decide(same[2]), Allow)]

    assert asyncio.run(story()) == [True, False, True]


def test_deduplicate_forgets_what_did_not_go() -> None:
    """What was refused may be asked for again; what may have gone may not."""

    async def story(status: Status) -> bool:
        policy = Deduplicate(60)
        await policy.decide(MESSAGE)
        await policy.settle(MESSAGE, Delivery(**{**_fields(opening()), "status": status}))
        return isinstance(await policy.decide(MESSAGE.evolve(id="another")), Allow)

    assert {s for s in Status if asyncio.run(story(s))} == {
        Status.REFUSED, Status.NOT_SENT, Status.SUPPRESSED, Status.DEFERRED, Status.EXPIRED, Status.CANCELLED,
    }  # fmt: skip


def test_deduplicate_knows_its_own() -> None:
    """A message that was put back into the queue is not a repetition of itself."""

    async def story() -> None:
        policy = Deduplicate(60)
        for _ in range(2):
            assert isinstance(await policy.decide(MESSAGE), Allow)

    asyncio.run(story())


def test_deduplicate_is_bounded() -> None:
    """Its memory has an end: the oldest make room."""

    async def story() -> int:
        policy = Deduplicate(60, capacity=10)
        for n in range(100):
            await policy.decide(Message(channel="sms", to=MESSAGE.to, text=str(n)))
        return len(policy._seen)

    assert asyncio.run(story()) <= 11


def test_pipeline_stops_at_the_first() -> None:
    """The first policy that does not allow ends it; those before it are told, those after it not asked."""
    first, stops, after = Fixed(ALLOW, "first"), Fixed(Suppress("enough"), "stops"), Fixed(ALLOW, "after")
    delivery = asyncio.run(Pipeline([first, stops, after]).ask(opening(), MESSAGE))
    assert (delivery.status, delivery.detail) == (Status.SUPPRESSED, "stops: enough")
    assert (first.settled, stops.settled, after.settled) == ([Status.SUPPRESSED], [], [])
    assert "first allows" in delivery.explain()
    assert "after" not in delivery.explain()


def test_pipeline_defers() -> None:
    """A deferred delivery says until when."""
    until = datetime(2026, 11, 23, 8, tzinfo=UTC)
    delivery = asyncio.run(Pipeline([Fixed(Defer(until, "night"))]).ask(opening(), MESSAGE))
    assert (delivery.status, delivery.due, delivery.detail) == (Status.DEFERRED, until, "fixed: night")


def test_pipeline_fails_closed() -> None:
    """A policy that raises lets nothing through, and its exception's text goes nowhere."""
    delivery = asyncio.run(Pipeline([Fixed(OSError("secret"))]).ask(opening(), MESSAGE))
    assert delivery.status is Status.SUPPRESSED
    assert "OSError" in str(delivery.detail)
    assert "secret" not in delivery.explain() + str(delivery.detail)


def _fields(delivery: Delivery) -> dict[str, object]:
    return {name: getattr(delivery, name) for name in Delivery.__dataclass_fields__}
