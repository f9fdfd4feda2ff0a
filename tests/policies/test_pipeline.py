"""The suppression list of the settings, and the pipeline that asks the policies."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from notifyhub.category import Category
from notifyhub.errors import InvalidAddress
from notifyhub.ledger import MemoryLedger
from notifyhub.message import Message
from notifyhub.outcome import Delivery, Status
from notifyhub.policies import Pipeline, SuppressionList
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


def asked(*policies: Fixed) -> Delivery:
    delivery, _ = asyncio.run(Pipeline(policies, MemoryLedger()).ask(opening(), MESSAGE, ("a",)))
    return delivery


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


def test_pipeline_stops_at_the_first() -> None:
    """The first policy that does not allow ends it; those before it are told, those after it not asked."""
    first, stops, after = Fixed(ALLOW, "first"), Fixed(Suppress("enough"), "stops"), Fixed(ALLOW, "after")
    delivery = asked(first, stops, after)
    assert (delivery.status, delivery.detail) == (Status.SUPPRESSED, "stops: enough")
    assert (first.settled, stops.settled, after.settled) == ([Status.SUPPRESSED], [], [])
    assert "first allows" in delivery.explain()
    assert "after" not in delivery.explain()


def test_pipeline_defers() -> None:
    """A deferred delivery says until when."""
    until = datetime(2026, 11, 23, 8, tzinfo=UTC)
    delivery = asked(Fixed(Defer(until, "night")))
    assert (delivery.status, delivery.due, delivery.detail) == (Status.DEFERRED, until, "fixed: night")


def test_pipeline_fails_closed() -> None:
    """A policy that raises lets nothing through, and its exception's text goes nowhere."""
    delivery = asked(Fixed(OSError("secret")))
    assert delivery.status is Status.SUPPRESSED
    assert "OSError" in str(delivery.detail)
    assert "secret" not in delivery.explain() + str(delivery.detail)


def test_pipeline_cancelled() -> None:
    """Where the caller stops waiting for one policy, those that had allowed it are told, and no others."""
    deciding = asyncio.Event()

    class Slow(Fixed):
        async def decide(self, message: Message) -> Decision:
            deciding.set()
            await asyncio.Event().wait()
            return ALLOW

    async def story(*policies: Fixed) -> None:
        asking = asyncio.create_task(Pipeline(policies, MemoryLedger()).ask(opening(), MESSAGE, ("a",)))
        await deciding.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    first, slow, after = Fixed(ALLOW, "first"), Slow(ALLOW, "slow"), Fixed(ALLOW, "after")
    asyncio.run(story(first, slow, after))
    assert (first.settled, slow.settled, after.settled) == ([Status.NOT_SENT], [], [])
