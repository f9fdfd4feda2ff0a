"""The contract finds what is wrong with a policy: for every promise there is one that breaks it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifyhub.category import DELIVERY_POLICIES
from notifyhub.message import Message
from notifyhub.outcome import Delivery
from notifyhub.policies import (
    Billing,
    Budget,
    Budgets,
    Deduplicate,
    Limits,
    QuietHours,
    QuietTime,
    SuppressionList,
    VendorLimits,
)
from notifyhub.policy import ALLOW, Decision, Defer, Policy, Suppress
from notifyhub.quota import Limit, LimitRule, Quota, Refusal, Taken
from notifyhub.testing import PolicyContract, RecordingProvider

SHANGHAI = ZoneInfo("Asia/Shanghai")
RULE = LimitRule(name="per recipient", limits=(Limit(5, 86400),))


class TestSuppressionList(PolicyContract):
    def make(self) -> Policy:
        return SuppressionList(["13800138000"])


class TestQuietHours(PolicyContract):
    def make(self) -> Policy:
        now = datetime.now(SHANGHAI)
        hours = QuietTime(start=now.time(), end=(now + timedelta(hours=1)).time())
        return QuietHours([hours], SHANGHAI)


class TestLimits(PolicyContract):
    def make(self) -> Policy:
        return Limits({RULE: None}, DELIVERY_POLICIES.__getitem__)


class TestVendorLimits(PolicyContract):
    def make(self) -> Policy:
        return VendorLimits({"first": [RULE]}, DELIVERY_POLICIES.__getitem__)


class TestBudgets(PolicyContract):
    def make(self) -> Policy:
        providers = {name: RecordingProvider() for name in self.instances}
        billing = Billing(providers, dict.fromkeys(self.instances, 1.0))
        rule = LimitRule(name="all", limits=(Limit(9_000_000, 86400, "fixed"),), per=())
        units = ("messages", "parts", "money")
        budgets = [Budget(rule=rule, unit=unit) for unit in units]  # type: ignore[arg-type]
        return Budgets(budgets, billing, DELIVERY_POLICIES.__getitem__, SHANGHAI)


class TestDeduplicate(PolicyContract):
    def make(self) -> Policy:
        return Deduplicate(60)


class Good:
    """Keeps every promise; the others differ from it in one thing each."""

    name = "good"

    async def decide(self, message: Message) -> Decision:
        return ALLOW

    async def settle(self, message: Message, delivery: Delivery) -> None:
        """Nothing is to be done."""

    def quotas(self, message: Message, instances: Sequence[str]) -> Sequence[Quota]:
        return (Quota("so many", message.to, Limit(3, 60)),)

    def refuse(self, message: Message, refusal: Refusal) -> Decision:
        return Suppress("too many")

    def used(self, message: Message, delivery: Delivery, taken: Sequence[Taken]) -> Sequence[Taken]:
        return taken


class TestGood(PolicyContract):
    def make(self) -> Policy:
        return Good()


class Nameless(Good):
    name = "  "


class Numbered(Good):
    def __init__(self) -> None:
        self.name = f"policy-{time.monotonic_ns()}"


class SaysNothing(Good):
    async def decide(self, message: Message) -> Decision:
        return None  # type: ignore[return-value]


class Raises(Good):
    async def decide(self, message: Message) -> Decision:
        raise OSError("store away")


class RaisesForMail(Good):
    async def decide(self, message: Message) -> Decision:
        return ALLOW if message.phone.mobile else Suppress("a landline")


class Naive(Good):
    async def decide(self, message: Message) -> Decision:
        return Defer(datetime.now(UTC).replace(tzinfo=None), "later")


class Chatty(Good):
    async def decide(self, message: Message) -> Decision:
        return Suppress(f"{message.to} has had enough")


class Silent(Good):
    async def decide(self, message: Message) -> Decision:
        return Suppress("")


class Changes(Good):
    async def decide(self, message: Message) -> Decision:
        message.variables["number"] = "***"  # type: ignore[index]
        return ALLOW


class Slow(Good):
    async def decide(self, message: Message) -> Decision:
        await asyncio.sleep(0.6)
        return ALLOW


class OneAtATime(Good):
    busy = False

    async def decide(self, message: Message) -> Decision:
        if self.busy:
            raise RuntimeError("busy")
        self.busy = True
        await asyncio.sleep(0)
        self.busy = False
        return ALLOW


class AsyncQuotas(Good):
    async def quotas(self, message: Message, instances: Sequence[str]) -> Sequence[Quota]:  # type: ignore[override]
        return ()


class Fickle(Good):
    calls = 0

    def quotas(self, message: Message, instances: Sequence[str]) -> Sequence[Quota]:
        self.calls += 1
        return (Quota("so many", message.to, Limit(self.calls, 60)),)


class Twice(Good):
    def quotas(self, message: Message, instances: Sequence[str]) -> Sequence[Quota]:
        return (Quota("so many", message.to, Limit(3, 60)), Quota("so many", message.to, Limit(4, 60)))


class NamesSomebody(Good):
    def quotas(self, message: Message, instances: Sequence[str]) -> Sequence[Quota]:
        return (Quota(f"for {message.to}", "", Limit(3, 60)),)


class AllowsAnyway(Good):
    def refuse(self, message: Message, refusal: Refusal) -> Decision:
        return ALLOW


class RaisesAtTheEnd(Good):
    async def settle(self, message: Message, delivery: Delivery) -> None:
        raise KeyError(message.id)


class GivesTooMuchBack(Good):
    def used(self, message: Message, delivery: Delivery, taken: Sequence[Taken]) -> Sequence[Taken]:
        return [each._replace(amount=each.amount + 1) for each in taken]


class GivesOthersBack(Good):
    def used(self, message: Message, delivery: Delivery, taken: Sequence[Taken]) -> Sequence[Taken]:
        return [each._replace(tally="another", amount=0) for each in taken]


@pytest.mark.parametrize(
    ("policy", "promise"),
    [
        (Nameless, "it_has_a_name"),
        (Numbered, "it_has_a_name"),
        (SaysNothing, "it_decides"),
        (Raises, "it_decides"),
        (RaisesForMail, "it_decides"),
        (Naive, "it_decides"),
        (Chatty, "it_decides"),
        (Silent, "it_decides"),
        (Changes, "the_message_stays_as_it_is"),
        (Slow, "it_is_quick"),
        (OneAtATime, "many_at_once"),
        (AsyncQuotas, "quotas_are_pure"),
        (Fickle, "quotas_are_pure"),
        (Twice, "quotas_are_pure"),
        (NamesSomebody, "quotas_name_nobody"),
        (AllowsAnyway, "a_refusal_ends_it"),
        (RaisesAtTheEnd, "its_end_may_be_anything"),
        (GivesTooMuchBack, "its_end_may_be_anything"),
        (GivesOthersBack, "its_end_may_be_anything"),
    ],
)
def test_what_is_wrong_is_found(policy: type[Good], promise: str) -> None:
    """A policy that breaks a promise fails that promise's test."""
    contract: Any = type("TestIt", (PolicyContract,), {"make": lambda self: policy()})()
    with pytest.raises((AssertionError, KeyError)):
        getattr(contract, f"test_{promise}")()


def test_a_promise_cannot_be_dropped() -> None:
    """A promise is overridden by nobody."""
    with pytest.raises(TypeError, match="overrides a promise"):
        type("TestX", (PolicyContract,), {"test_it_decides": lambda self: None})
