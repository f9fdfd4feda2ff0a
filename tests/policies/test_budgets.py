"""Budgets: what is reserved, what comes back, and who is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.ledger import Admission, MemoryLedger
from notifyhub.message import Message
from notifyhub.outcome import Outcome, Status
from notifyhub.policies import Billing, Budget, Budgets, Pipeline
from notifyhub.policies.billing import MILLION
from notifyhub.quota import Limit, LimitRule, Taken
from notifyhub.reason import Reason
from notifyhub.testing import RecordingProvider
from tests.policies.messages import Vendor, ended, message, opening, policy_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)


class Desk:
    """A budget on a ledger in memory. cheap bills 1 part at 0.05, dear 2 parts at 0.10."""

    def __init__(
        self, amount: float, unit: Any = "parts", *, warn_at: float = 0.8, seconds: float = 86400
    ) -> None:
        self.at = NOON
        whole = round(amount * MILLION) if unit == "money" else int(amount)
        rule = LimitRule(name="all", limits=(Limit(whole, seconds, "fixed"),), per=())
        billing = Billing(
            {"cheap": Vendor("cheap"), "dear": Vendor("dear", parts=2)}, {"cheap": 0.05, "dear": 0.1}
        )
        budget = Budget(rule=rule, unit=unit, warn_at=warn_at)
        policy = Budgets([budget], billing, policy_of, SHANGHAI, clock=lambda: self.at)
        self.pipeline = Pipeline([policy], MemoryLedger(clock=lambda: self.at.timestamp()))

    async def send(self, *outcomes: tuple[str, Outcome], route: Sequence[str] = ("cheap", "dear")) -> Status:
        """A message that comes to this; every submission but the first asks for its turn."""
        sent, taken = message(), list[Admission]()
        delivery, admission = await self.pipeline.ask(opening(sent), sent, route)
        if delivery.status is not Status.SENDING:
            return delivery.status
        taken.append(admission)
        copies, made = 0, list[tuple[str, Outcome]]()
        for instance, outcome in outcomes:
            if made:
                more, why = await self.pipeline.turn(sent, instance, copies)
                if why is not None:
                    break
                taken.append(more)
            made.append((instance, outcome))
            copies += outcome.may_have_gone
        delivery = ended(sent, *made)
        await self.pipeline.settle(sent, delivery, self.pipeline.unused(sent, delivery, taken))
        return Status.ACCEPTED if len(made) == len(outcomes) else Status.UNKNOWN

    async def left(self) -> int:
        """How much is left, found out by asking for ever less."""
        policy: Any = self.pipeline.policies[0]
        (budget,) = policy._budgets.values()
        low, high = 0, budget.limit.amount
        while low < high:
            middle = (low + high + 1) // 2
            if await self._fits(budget, middle):
                low = middle
            else:
                high = middle - 1
        return low

    async def _fits(self, budget: Budget, amount: int) -> bool:
        from notifyhub.ledger import Demand, Question
        from notifyhub.quota import Quota, offset_of

        quota = Quota(budget.name, "", budget.limit, amount, offset_of(SHANGHAI, self.at))
        sent = message()
        ledger: Any = self.pipeline._ledger
        answer = await ledger.admit(Question(sent.id, "sms", sent.category, "", Demand([quota])))
        await ledger.give_back(answer.taken)
        return answer.refused is None


ACCEPTED = Outcome.accepted("1")
UNKNOWN = Outcome.unknown(Reason.TIMEOUT)
REFUSED = Outcome.refused(Reason.BALANCE, code="4051")


@pytest.mark.parametrize(
    ("unit", "outcomes", "used"),
    [
        ("messages", [("cheap", ACCEPTED)], 1),
        ("parts", [("cheap", ACCEPTED)], 1),
        ("parts", [("dear", ACCEPTED)], 2),
        ("parts", [("dear", Outcome.accepted("1", parts=1))], 1),
        ("parts", [("cheap", UNKNOWN)], 1),
        ("parts", [("cheap", UNKNOWN), ("dear", ACCEPTED)], 3),
        ("parts", [("cheap", REFUSED), ("dear", ACCEPTED)], 2),
        ("parts", [("cheap", REFUSED), ("dear", Outcome.not_sent())], 0),
        ("money", [("cheap", ACCEPTED)], 50_000),
        ("money", [("dear", ACCEPTED)], 200_000),
        ("money", [("dear", Outcome.accepted("1", parts=3))], 200_000),
        ("money", [("cheap", UNKNOWN), ("dear", ACCEPTED)], 250_000),
    ],
)
def test_what_it_costs_in_the_end(unit: str, outcomes: list[tuple[str, Outcome]], used: int) -> None:
    """Of what was reserved all but what was billed comes back; each copy costs, refusals do not."""

    async def story() -> int:
        desk = Desk(100, unit)
        assert await desk.send(*outcomes) is Status.ACCEPTED
        whole = 100 * MILLION if unit == "money" else 100
        return whole - await desk.left()

    assert asyncio.run(story()) == used


def test_never_more_than_the_budget() -> None:
    """However many are under way at the same time, what was billed is never more than the budget."""

    async def story(seed: int) -> None:
        desk, billed, rng = Desk(50), 0, random.Random(seed)

        async def one() -> None:
            nonlocal billed
            sent = message()
            delivery, admission = await desk.pipeline.ask(opening(sent), sent, ("cheap", "dear"))
            if delivery.status is Status.SENDING:
                await asyncio.sleep(0)
                parts = rng.choice([1, 2])
                billed += parts
                outcome = ("dear", Outcome.accepted("1", parts=parts))
                ends = ended(sent, outcome)
                await desk.pipeline.settle(sent, ends, desk.pipeline.unused(sent, ends, [admission]))

        for _ in range(20):
            await asyncio.gather(*(one() for _ in range(10)))
            assert billed <= 50
        assert billed == 50 - await desk.left()
        assert billed >= 49

    for seed in range(5):
        asyncio.run(story(seed))


def test_a_further_copy_needs_its_own_money() -> None:
    """With nothing left for a second copy, none is submitted; the first one stays."""

    async def story() -> tuple[Status, int]:
        desk = Desk(2)
        status = await desk.send(("cheap", UNKNOWN), ("cheap", ACCEPTED), route=("cheap",))
        assert status is Status.ACCEPTED
        desk = Desk(1)
        return await desk.send(("cheap", UNKNOWN), ("cheap", ACCEPTED), route=("cheap",)), await desk.left()

    assert asyncio.run(story()) == (Status.UNKNOWN, 0)


def test_the_next_window() -> None:
    """At midnight of the default time zone there is a new budget."""

    async def story() -> list[Status]:
        desk, got = Desk(1), []
        for hours in (0, 11.99, 12, 13):
            desk.at = NOON + timedelta(hours=hours)
            got.append(await desk.send(("cheap", ACCEPTED), route=("cheap",)))
        return got

    # An order can wait for midnight, which comes in less than a day; the ledger here keeps no queue.
    assert asyncio.run(story()) == [Status.ACCEPTED, Status.DEFERRED, Status.ACCEPTED, Status.DEFERRED]


def test_told_once_a_window(caplog: pytest.LogCaptureFixture) -> None:
    """A warning at the share, once a window, and another when it is used up, once a window."""

    async def story() -> None:
        desk = Desk(10, warn_at=0.5)
        for _ in range(12):
            await desk.send(("cheap", ACCEPTED), route=("cheap",))
        desk.at += timedelta(days=1)
        for _ in range(12):
            await desk.send(("cheap", ACCEPTED), route=("cheap",))

    asyncio.run(story())
    told = [line for line in caplog.messages if line.startswith("budget_")]
    assert [line.split()[0] for line in told] == ["budget_low", "budget_used_up"] * 2
    assert all(words in told[0] for words in ("budget=all", "used=5", "of=10", "unit=parts"))


def test_what_nobody_counts() -> None:
    """Without a provider's own count, parts are those of the text where it goes to; what is no SMS is one."""
    billing = Billing({}, {})

    def parts(**fields: Any) -> int:
        sent: Message = message(**fields)
        return billing.parts(sent, ("a",))

    assert parts(text="字" * 70) == 1
    assert parts(text="字" * 71) == 2
    assert parts(text="a" * 160, to="+493012345678") == 1
    assert parts(text="a" * 5000, to="a@b.co", channel="email") == 1


OUTCOMES = st.one_of(
    st.builds(Outcome.accepted, st.just("id"), parts=st.sampled_from([None, 0, 1, 2, 3])),
    st.just(Outcome.not_sent(Reason.INTERRUPTED)),
    st.just(Outcome.unknown(Reason.TIMEOUT)),
)


@given(
    st.lists(st.sampled_from(["messages", "parts", "money"]), unique=True),
    st.fixed_dictionaries({name: st.sampled_from([0.0, 0.05, 0.1]) for name in "ab"}),
    st.fixed_dictionaries({name: st.sampled_from([0, 0, 1, 2]) for name in "ab"}),
    st.sampled_from([("a",), ("b",), ("a", "b")]),
    st.sampled_from(["words", "w" * 100]),
    st.lists(st.tuples(st.sampled_from("ab"), OUTCOMES), min_size=1, max_size=2),
)
def test_nothing_comes_back_of_what_cost_as_much_as_was_thought(
    units: list[Any],
    prices: dict[str, float],
    counting: dict[str, int],
    route: tuple[str, ...],
    text: str,
    outcomes: list[tuple[str, Outcome]],
) -> None:
    """Where a glance tells that it cost what was reserved, a closer look finds nothing to give back."""
    vendors: dict[str, Any] = {
        name: Vendor(name, parts=parts) if parts else RecordingProvider(name)
        for name, parts in counting.items()
    }
    rule = LimitRule(name="all", limits=(Limit(MILLION * MILLION, 86400, "fixed"),), per=())
    budgets = [Budget(rule=rule, unit=unit) for unit in units]
    policy = Budgets(budgets, Billing(vendors, prices), policy_of, SHANGHAI, clock=lambda: NOON)
    sent = message(text=text)
    quotas = policy.quotas(sent, route)
    taken = [Taken(quota, quota.name, quota.name, 0, quota.amount) for quota in quotas]
    delivery = ended(sent, *[(name, outcome) for name, outcome in outcomes if name in route])
    glance = delivery.status is Status.ACCEPTED and policy.as_reserved(delivery, quotas)
    back = policy.used(sent, delivery, taken)
    if glance:
        assert back == []
