"""Times on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.cli.times import ago, ahead
from notifyhub.errors import NotificationError

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SPANS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@given(st.integers(0, 5000), st.sampled_from(sorted(SPANS)))
def test_a_span_is_from_now_or_ago(count: int, unit: str) -> None:
    """`+10m` is ten minutes from now, `10m` is ten minutes ago, for every unit."""
    span = timedelta(**{SPANS[unit]: count})
    assert ahead(f"+{count}{unit}", "send_at", NOW) == NOW + span
    assert ago(f"{count}{unit}", "since", NOW) == NOW - span


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_written_time_is_itself(time: datetime) -> None:
    """A time with its zone is read as it was written."""
    assert ahead(time.isoformat(), "send_at", NOW) == time
    assert ago(time.isoformat(), "since", NOW) == time


def test_what_was_is_local_without_a_zone() -> None:
    """A date or a time without a zone is this machine's, where looking back."""
    assert ago("2026-11-22", "since", NOW) == datetime(2026, 11, 22).astimezone()
    assert ago("2026-11-22T08:30", "since", NOW) == datetime(2026, 11, 22, 8, 30).astimezone()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2026-11-22T20:00", "has no time zone"),
        ("tomorrow", "is no time"),
        ("10m", "is no time"),
        ("", "is no time"),
        ("+10", "is no span of time"),
        ("+10y", "is no span of time"),
        ("+-5m", "is no span of time"),
        ("+999999999w", "is too far away"),
    ],
)
def test_another_time_to_come_is_refused(text: str, problem: str) -> None:
    """What is no time to come is one line with the field, the problem and how to write it."""
    with pytest.raises(NotificationError, match=f"send_at: {problem}; write it as"):
        ahead(text, "send_at", NOW)


@given(st.text(max_size=20))
def test_nothing_else_is_raised(text: str) -> None:
    """Whatever is typed, it is a time or a NotificationError."""
    for read, field in ((ahead, "send_at"), (ago, "since")):
        try:
            assert read(text, field, NOW).tzinfo is not None
        except NotificationError as error:
            assert error.field == field
