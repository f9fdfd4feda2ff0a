"""Limits, vendors' limits and repetitions, with the ledger in memory and a clock that is set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.category import Category
from notifyhub.ledger import Admission, MemoryLedger
from notifyhub.message import Message
from notifyhub.outcome import Delivery, Outcome, Status
from notifyhub.policies import Deduplicate, Limits, Pipeline, VendorLimits
from notifyhub.policies.excess import decision_on
from notifyhub.policy import Defer, Policy, Suppress
from notifyhub.quota import Limit, LimitRule, Quota, Refusal
from notifyhub.reason import Reason
from tests.policies.messages import ended, message, opening, policy_of

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
"""In Shanghai."""


class Desk:
    """A pipeline on a ledger in memory whose clock stands still until it is moved."""

    def __init__(self, *policies: Policy, at: datetime = NOON) -> None:
        self.at = at
        self.pipeline = Pipeline(policies, MemoryLedger(clock=lambda: self.at.timestamp()))
        self.admissions: dict[str, Admission] = {}

    def clock(self) -> datetime:
        """The time here."""
        return self.at

    async def ask(self, sent: Message, instances: Sequence[str] = ("a",)) -> Delivery:
        """Its delivery after the policies."""
        delivery, self.admissions[sent.id] = await self.pipeline.ask(opening(sent), sent, instances)
        return delivery

    async def end(self, sent: Message, *outcomes: tuple[str, Outcome]) -> None:
        """It came to this."""
        delivery = ended(sent, *outcomes)
        back = self.pipeline.unused(sent, delivery, [self.admissions[sent.id]])
        await self.pipeline.settle(sent, delivery, back)


def limits(*rules: LimitRule, over: Any = None) -> Limits:
    return Limits(dict.fromkeys(rules, over), policy_of)


def rule(*written: str, window: Any = "sliding", **fields: Any) -> LimitRule:
    return LimitRule(name="rule", limits=tuple(Limit.parse(each, window) for each in written), **fields)


def goes(delivery: Delivery) -> bool:
    return delivery.status is Status.SENDING


@pytest.mark.parametrize(
    ("per", "same", "other"),
    [
        (("recipient",), {"text": "others"}, {"to": "+8613800138001"}),
        (("recipient", "notice"), {"notice": "a", "text": "b"}, {"notice": "b"}),
        (("recipient", "words"), {"category": "otp"}, {"text": "others"}),
        (("category",), {"to": "+8613800138001"}, {"category": "alert"}),
        (("country",), {"to": "+8613800138001"}, {"to": "+493012345678"}),
        ((), {"to": "+493012345678", "category": "alert"}, None),
    ],
)
def test_what_is_counted_apart(per: Any, same: dict[str, Any], other: dict[str, Any] | None) -> None:
    """A rule counts together what is alike in what it is per, and everything else apart."""

    async def story() -> None:
        desk = Desk(limits(rule("1/day", per=per)))
        assert goes(await desk.ask(message(**{"notice": "a"} | {})))
        assert not goes(await desk.ask(message(**{"notice": "a", **same})))
        if other is not None:
            assert goes(await desk.ask(message(**{"notice": "a", **other})))

    asyncio.run(story())


def test_whom_a_rule_is_for() -> None:
    """A rule holds for its channels, categories, notices and countries, and counts nobody else."""

    async def story() -> None:
        only = rule(
            "1/day", per=(), channels=frozenset({"sms"}), categories=frozenset({Category.ORDER}),
            notices=frozenset({"a"}), countries=frozenset({"CN"}),
        )  # fmt: skip
        desk = Desk(limits(only))
        for fields in ({"channel": "voice"}, {"category": "otp"}, {"notice": "b"}, {"to": "+493012345678"}):
            for _ in range(2):
                assert goes(await desk.ask(message(**{"notice": "a", **fields})))
        assert [goes(await desk.ask(message(notice="a"))) for _ in range(2)] == [True, False]

    asyncio.run(story())


def test_limits_that_hold_together() -> None:
    """Of two limits the narrower one refuses, and what it refuses does not count on the other."""

    async def story() -> list[bool]:
        desk = Desk(limits(rule("1/60s", "3/day")))
        went = []
        for minutes in (0, 0, 0, 1, 2, 3):
            desk.at = NOON + timedelta(minutes=minutes)
            went.append(goes(await desk.ask(message())))
        return went

    assert asyncio.run(story()) == [True, False, False, True, True, False]


@pytest.mark.parametrize(
    ("window", "again"), [("sliding", [False, False, True]), ("fixed", [False, True, True])]
)
def test_the_edge_of_a_window(window: Any, again: list[bool]) -> None:
    """A day that slides is over after 24 hours; a fixed one at midnight of the zone, not of Greenwich."""
    midnight = NOON + timedelta(hours=12)

    async def story() -> list[bool]:
        desk = Desk(limits(rule("1/day", window=window, zone=ZoneInfo("Asia/Shanghai"))))
        assert goes(await desk.ask(message()))
        went = []
        for desk.at in (midnight - timedelta(seconds=1), midnight, NOON + timedelta(days=2)):
            went.append(goes(await desk.ask(message())))
        return went

    assert asyncio.run(story()) == again


@given(st.lists(st.integers(0, 40), max_size=40), st.integers(1, 4))
def test_never_more_in_any_stretch(pauses: list[int], amount: int) -> None:
    """Whenever messages come, no stretch of the limit's length sees more than its amount."""

    async def story() -> list[datetime]:
        desk, went = Desk(limits(rule(f"{amount}/60s"))), []
        for pause in pauses:
            desk.at += timedelta(seconds=pause)
            if goes(await desk.ask(message())):
                went.append(desk.at)
        return went

    went = asyncio.run(story())
    for at in went:
        assert sum(at <= other < at + timedelta(seconds=60) for other in went) <= amount


def test_what_did_not_go_does_not_count() -> None:
    """What was refused, or never left, makes room again; what may have gone does not."""
    said = {
        "accepted": Outcome.accepted("1"),
        "refused": Outcome.refused(Reason.CONTENT_REFUSED, code="407"),
        "not sent": Outcome.not_sent(),
        "unknown": Outcome.unknown(Reason.TIMEOUT),
    }

    async def story(outcome: Outcome) -> bool:
        desk, first = Desk(limits(rule("1/day")), Deduplicate()), message()
        assert goes(await desk.ask(first))
        await desk.end(first, ("a", outcome))
        return goes(await desk.ask(message()))

    assert {name for name, outcome in said.items() if asyncio.run(story(outcome))} == {"refused", "not sent"}


def test_a_repetition_is_suppressed_in_its_window() -> None:
    """The same words to the same address go once in the window, and again after it; others always go."""

    async def story() -> None:
        desk = Desk(Deduplicate(60))
        assert goes(await desk.ask(message()))
        again = await desk.ask(message())
        assert (again.status, again.detail) == (
            Status.SUPPRESSED,
            "deduplicate: the same words went to this address less than 60 s ago",
        )
        for fields in (
            {"text": "others"},
            {"to": "+8613800138001"},
            {"subject": "one"},
            {"channel": "voice"},
        ):
            assert goes(await desk.ask(message(**fields)))
        desk.at += timedelta(seconds=60)
        assert goes(await desk.ask(message()))

    asyncio.run(story())


def test_its_own_reservation_is_no_repetition() -> None:
    """A message that was put back, or recovered from a dead worker, is not held up by what it took itself."""

    async def story() -> None:
        desk, sent = Desk(Deduplicate(60), limits(rule("1/day"))), message()
        for _ in range(3):
            assert goes(await desk.ask(sent))
        assert not goes(await desk.ask(message()))

    asyncio.run(story())


@pytest.mark.parametrize(
    ("seconds", "category", "over", "limited", "waits"),
    [
        (20, "order", None, "defer", True),
        (20, "order", None, "suppress", False),
        (20, "order", "defer", "suppress", True),
        (20, "order", "suppress", "defer", False),
        (29, "otp", None, "defer", True),
        (31, "otp", None, "defer", False),
    ],
)
def test_excess(seconds: float, category: str, over: Any, limited: str, waits: bool) -> None:
    """Too much waits for room or is suppressed, as the rule says, else the category; never too late."""
    free = NOON + timedelta(seconds=seconds)
    refusal = Refusal(Quota("5/day", "x", Limit(5, 86400)), int(free.timestamp() * 1e6))
    policy = policy_of(Category(category)).model_copy(update={"limited": limited})
    decision = decision_on(message(category), refusal, policy, over, NOON)
    if waits:
        assert decision == Defer(free, "5/day is used up")
    else:
        assert isinstance(decision, Suppress)


def test_more_than_there_ever_is() -> None:
    """What asks for more than the whole limit does not wait for it."""
    refusal = Refusal(Quota("5/day", "x", Limit(5, 86400), 6), int(NOON.timestamp() * 1e6))
    assert isinstance(decision_on(message(), refusal, policy_of(Category.ORDER), None, NOON), Suppress)


def vendors(**written: str) -> VendorLimits:
    return VendorLimits({name: [rule(limit)] for name, limit in written.items()}, policy_of)


def test_an_instance_at_its_limit_is_passed_over() -> None:
    """Where one vendor would refuse, the next one is asked; with none free it waits for the first."""

    async def story() -> None:
        desk = Desk(vendors(a="1/60s", b="1/30s"))
        whose = []
        for _ in range(3):
            sent = message()
            last = await desk.ask(sent, ("a", "b"))
            whose.append(desk.admissions[sent.id].instance)
        assert whose == ["a", "b", None]
        assert last.detail == "vendor_limits: b: rule 1/30s is used up"

    asyncio.run(story())


def test_failover_takes_its_own_turn() -> None:
    """A second submission of a message counts a second time: at another instance, and at the same one."""

    async def story() -> None:
        desk, sent = Desk(vendors(a="1/60s", b="1/60s")), message()
        assert goes(await desk.ask(sent, ("a", "b")))
        again, why = await desk.pipeline.turn(sent, "a", 0)
        assert (again.instance, again.turn) == (None, ())
        assert why is not None
        assert why.startswith("turn: a is passed over: a: rule 1/60s is used up until")
        other, why = await desk.pipeline.turn(sent, "b", 0)
        assert (other.instance, len(other.turn), why) == ("b", 1, None)
        assert not goes(await desk.ask(message(), ("b",)))

    asyncio.run(story())


def test_a_turn_for_nothing_is_given_back() -> None:
    """An instance that was never asked, or never reached, has its turn back; one that refused has not."""

    async def story(*outcomes: tuple[str, Outcome]) -> list[bool]:
        desk, sent = Desk(vendors(a="1/60s", b="1/60s")), message()
        await desk.ask(sent, ("a", "b"))
        other, _ = await desk.pipeline.turn(sent, "b", 0)
        taken = [desk.admissions[sent.id], other]
        delivery = ended(sent, *outcomes)
        await desk.pipeline.settle(sent, delivery, desk.pipeline.unused(sent, delivery, taken))
        return [goes(await desk.ask(message(), (name,))) for name in ("a", "b")]

    accepted, refused = Outcome.accepted("1"), Outcome.refused(Reason.RECIPIENT_RATE, code="4080")
    assert asyncio.run(story(("b", accepted))) == [True, False]
    assert asyncio.run(story(("a", Outcome.not_sent()), ("b", accepted))) == [True, False]
    assert asyncio.run(story(("a", Outcome.refused(Reason.UNSUPPORTED)), ("b", refused))) == [True, False]
    assert asyncio.run(story(("a", refused), ("b", accepted))) == [False, False]


def test_instances_that_share_an_account() -> None:
    """A rule of the application for several instances counts what is submitted to them together."""
    together = rule("2/60s", per=())

    async def story() -> list[bool]:
        shared = VendorLimits({}, policy_of, shared={"a": [together], "b": [together]})
        desk = Desk(shared)
        numbers = ("+8613800138001", "+8613800138002", "+8613800138003")
        routes = (("a",), ("b",), ("a", "b"))
        went = [
            goes(await desk.ask(message(to=to), route)) for to, route in zip(numbers, routes, strict=True)
        ]
        return [*went, goes(await desk.ask(message(), ("c",)))]

    assert asyncio.run(story()) == [True, True, False, True]
