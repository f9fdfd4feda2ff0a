"""PerKind: what is made once for all messages that are alike to some rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.category import Category
from notifyhub.message import Message
from notifyhub.policies.kinds import PerKind
from notifyhub.quota import Limit, LimitRule, Quota
from tests.policies.messages import message

BERLIN = ZoneInfo("Europe/Berlin")
PUT_BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""In Berlin it is three o'clock, and two again."""
QUARTER = timedelta(minutes=15)
DAY, SLIDING = Limit(5, 86400, "fixed"), Limit(5, 86400)


def rule(limit: Limit = SLIDING, **fields: Any) -> LimitRule:
    """A rule about a number, where nothing else is said."""
    return LimitRule(name="rule", limits=(limit,), **fields)


@dataclass
class Kinds:
    """What some rules make of messages, by a clock that is set by hand and shows the time of a zone."""

    rules: Sequence[LimitRule]
    at: datetime = PUT_BACK - timedelta(days=1)
    zone: tzinfo = UTC
    by_calendar: bool = False
    made: int = 0
    of: PerKind[object, tuple[Quota, ...]] = field(init=False)

    def __post_init__(self) -> None:
        clock: Callable[[], datetime] = lambda: self.at.astimezone(self.zone)  # noqa: E731
        self.of = PerKind(self.rules, self._make, clock, by_calendar=self.by_calendar)

    def __call__(self, sent: Message, key: object = None) -> tuple[Quota, ...]:
        """What is made of it."""
        return self.of(sent, key)

    def _make(self, sent: Message, key: object, at: datetime) -> tuple[Quota, ...]:
        self.made += 1
        return tuple([quota for each in self.rules for quota in each.quotas(sent, at=at)])


KINDS: Sequence[tuple[dict[str, Any], dict[str, Any]]] = (
    ({"countries": frozenset({"CN"})}, {"to": "+4915112345678"}),
    ({"per": ("country",)}, {"to": "+4915112345678"}),
    ({"notices": frozenset({"a"})}, {"notice": "b"}),
    ({"per": ("recipient", "notice")}, {"notice": "b"}),
    ({"categories": frozenset({Category.ORDER})}, {"category": "otp"}),
    ({"per": ("category",)}, {"category": "otp"}),
    ({"channels": frozenset({"sms"})}, {"channel": "voice"}),
)


def test_alike() -> None:
    """Messages that no rule tells apart get the very same thing, whoever they go to and whatever they say."""
    cases: Sequence[tuple[dict[str, Any], dict[str, Any]]] = (
        ({}, {"to": "+4915112345678", "text": "other"}),
        ({"per": ("words",)}, {"text": "other"}),
    )
    for fields, other in cases:
        kinds = Kinds([rule(**fields)])
        assert kinds(message(notice="a")) is kinds(message(notice="a", **other)) is kinds(message(notice="b"))
        assert kinds.of.constant
        assert kinds.made == 1


@pytest.mark.parametrize(("fields", "other"), KINDS)
def test_told_apart(fields: dict[str, Any], other: dict[str, Any]) -> None:
    """A message that a rule tells from others gets what the rule makes of it, each time the very same."""
    kinds = Kinds([rule(**fields)])
    one, two = message(notice="a"), message(**{"notice": "a", **other})
    for _ in range(2):
        assert kinds(one) == kinds.rules[0].quotas(one)
        assert kinds(two) == kinds.rules[0].quotas(two) != kinds(one)
        assert kinds(two) is kinds(message(**{"notice": "a", **other}))
    assert kinds.made == 2
    assert not kinds.of.constant


@given(
    st.lists(st.sampled_from([fields for fields, _ in KINDS]), max_size=3),
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "to": st.sampled_from(["+8613800138000", "+4915112345678"]),
                "notice": st.sampled_from(["a", "b"]),
                "category": st.sampled_from(["order", "otp"]),
                "channel": st.sampled_from(["sms", "voice"]),
            },
        ),
        max_size=8,
    ),
)
def test_as_if_made_each_time(rules: list[dict[str, Any]], sent: list[dict[str, Any]]) -> None:
    """Whatever the rules and in whatever order messages come, each gets what would be made for it alone."""
    kinds = Kinds([rule(**fields) for fields in rules])
    for fields in sent:
        each = message(**fields)
        assert kinds(each) == Kinds(kinds.rules)(each)


def test_another_key() -> None:
    """What else matters is told apart by its value."""
    kinds = Kinds([rule()])
    assert kinds(message(), ("a", "b")) is kinds(message(), tuple("ab"))
    assert kinds(message(), ("b", "a")) is not kinds(message(), ("a", "b"))


@pytest.mark.parametrize("zone", [UTC, BERLIN, ZoneInfo("Asia/Kathmandu")], ids=str)
@pytest.mark.parametrize("idle", [timedelta(seconds=1), QUARTER, timedelta(hours=1)], ids=str)
def test_the_calendar_changes(zone: tzinfo, idle: timedelta) -> None:
    """Where a rule's clocks are put back, its day is another one from that moment on, whatever zone the
    hub's own clock shows and however long it had nothing to do.
    """
    kinds = Kinds([rule(DAY, zone=BERLIN)], zone=zone)
    kinds.at = PUT_BACK - timedelta(microseconds=1)
    assert [quota.offset for quota in kinds(message())] == [7200]
    assert kinds(message()) is kinds(message())
    assert not kinds.of.constant
    kinds.at += idle
    assert [quota.offset for quota in kinds(message())] == [3600]


def test_a_clock_put_back() -> None:
    """A clock that is put back to before a change of the calendar finds the calendar of then."""
    kinds = Kinds([rule(DAY, zone=BERLIN)], PUT_BACK)
    assert [quota.offset for quota in kinds(message())] == [3600]
    kinds.at -= timedelta(seconds=1)
    assert [quota.offset for quota in kinds(message())] == [7200]


def test_the_same_quarter_of_an_hour() -> None:
    """Within a quarter of an hour no calendar changes, so nothing is made anew; after it, it is."""
    kinds = Kinds([rule()], by_calendar=True)
    first = kinds(message())
    kinds.at += QUARTER - timedelta(microseconds=1)
    assert kinds(message()) is first
    kinds.at += timedelta(microseconds=1)
    assert kinds(message()) is not first


def test_no_calendar_without_a_fixed_window() -> None:
    """What slides has no calendar, in whatever zone its rule is; nor has what counts from midnight in UTC."""
    for each in (rule(zone=BERLIN), rule(DAY)):
        kinds = Kinds([each])
        first = kinds(message())
        kinds.at += timedelta(days=400)
        assert kinds(message()) is first
