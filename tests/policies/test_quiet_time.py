"""The end of a quiet time, held against a model that walks minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub.policies import DaysOff, QuietTime, quiet_until
from notifyhub.policies.quiet_time import LONGEST

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
# St. John's is half an hour off, Lord Howe's clocks go by half an hour, Havana's go back over midnight.
ZONES = [
    BERLIN,
    SHANGHAI,
    *map(ZoneInfo, ("America/St_Johns", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu")),
]
NIGHT = QuietTime(start=time(22), end=time(8))
MINUTE = timedelta(minutes=1)


def model(moment: datetime, quiet: QuietTime, zone: ZoneInfo) -> datetime | None:
    """Look at the wall each minute until it is not quiet any more."""
    if not quiet.covers(moment.astimezone(zone)):
        return None
    at = moment.replace(second=0, microsecond=0)
    while quiet.covers(at.astimezone(zone)):
        at += MINUTE
    return at


minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
# Around the days on which clocks change in one of the zones, in 2026 and 2027, and anywhere between.
changes = st.sampled_from(
    [
        datetime(2026, month, day, tzinfo=UTC)
        for month, day in ((3, 8), (3, 29), (4, 4), (10, 3), (10, 25), (11, 1), (12, 31))
    ]
)
moments = st.one_of(
    st.builds(lambda day, seconds: day + timedelta(seconds=seconds), changes, st.integers(-90_000, 90_000)),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC)),
)


@st.composite
def quiet_times(draw: st.DrawFn) -> QuietTime:
    start = draw(minutes)
    end = draw(minutes.filter(lambda other: other != start))
    first = draw(st.dates(date(2026, 1, 1), date(2027, 12, 1)))
    near = [first + timedelta(days=n) for n in range(draw(st.integers(0, 4)))]
    around = [date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1)]
    on_holidays: Literal["whole_day", "ignore"] = draw(st.sampled_from(["whole_day", "ignore"]))
    return QuietTime(
        start=start,
        end=end,
        days=frozenset(draw(st.sets(st.integers(1, 7)))),
        holidays=DaysOff(
            frozenset(near + draw(st.lists(st.sampled_from(around)))),
            frozenset(draw(st.lists(st.sampled_from([*around, first])))),
        ),
        on_holidays=on_holidays,
    )


@settings(max_examples=400, deadline=None)
@given(moments, quiet_times(), st.sampled_from(ZONES))
def test_the_model_says_the_same(moment: datetime, quiet: QuietTime, zone: ZoneInfo) -> None:
    """Whatever the zone, the hours, the weekdays and the holidays: the first minute that is not quiet."""
    assert quiet_until(moment, quiet, zone) == model(moment, quiet, zone)


@settings(max_examples=200, deadline=None)
@given(moments, quiet_times(), st.sampled_from(ZONES))
def test_the_end_is_exact(moment: datetime, quiet: QuietTime, zone: ZoneInfo) -> None:
    """At the end it is not quiet; a microsecond before it was."""
    end = quiet_until(moment, quiet, zone)
    if end is None:
        assert not quiet.covers(moment.astimezone(zone))
    else:
        assert end > moment
        assert not quiet.covers(end.astimezone(zone))
        assert quiet.covers((end - timedelta(microseconds=1)).astimezone(zone))


@pytest.mark.parametrize(
    ("local", "end"),
    [
        ("2026-11-23 21:59:59", None),
        ("2026-11-23 22:00:00", "2026-11-24 08:00:00"),
        ("2026-11-24 07:59:59", "2026-11-24 08:00:00"),
        ("2026-11-24 08:00:00", None),
        ("2026-12-31 23:30:00", "2027-01-01 08:00:00"),
    ],
)
def test_over_midnight(local: str, end: str | None) -> None:
    """From ten in the evening until eight in the morning: the first second counts, the last one does not."""
    moment = datetime.fromisoformat(local).replace(tzinfo=SHANGHAI)
    wanted = None if end is None else datetime.fromisoformat(end).replace(tzinfo=SHANGHAI)
    assert quiet_until(moment, NIGHT, SHANGHAI) == wanted


@pytest.mark.parametrize(
    ("quiet", "moment", "end"),
    [
        # Put forward: 02:30 never comes, and is over when the wall jumps from 02:00 to 03:00.
        (QuietTime(start=time(22), end=time(2, 30)), "2026-03-29T00:30+00:00", "2026-03-29T01:00+00:00"),
        # The night is an hour shorter, and an hour longer.
        (NIGHT, "2026-03-28T21:00+00:00", "2026-03-29T06:00+00:00"),
        (NIGHT, "2026-10-24T20:00+00:00", "2026-10-25T07:00+00:00"),
        # Put back: what the wall shows twice is quiet twice.
        (QuietTime(start=time(2), end=time(2, 30)), "2026-10-25T00:10+00:00", "2026-10-25T00:30+00:00"),
        (QuietTime(start=time(2), end=time(2, 30)), "2026-10-25T01:10+00:00", "2026-10-25T01:30+00:00"),
        # It begins in the hour that is skipped, so when the wall has jumped.
        (QuietTime(start=time(2, 15), end=time(5)), "2026-03-29T01:00+00:00", "2026-03-29T03:00+00:00"),
    ],
)
def test_when_clocks_change(quiet: QuietTime, moment: str, end: str) -> None:
    """Gaps and folds of the clock in Berlin end where the wall says so."""
    assert quiet_until(datetime.fromisoformat(moment), quiet, BERLIN) == datetime.fromisoformat(end)


def test_days_are_those_it_begins_on() -> None:
    """A night of Friday reaches into Saturday, though Saturday is no such day; the next night is free."""
    friday = QuietTime(start=time(22), end=time(8), days=frozenset({5}))
    saturday = datetime(2026, 11, 28, 3, tzinfo=SHANGHAI)
    assert quiet_until(saturday, friday, SHANGHAI) == saturday.replace(hour=8)
    assert quiet_until(saturday.replace(hour=23), friday, SHANGHAI) is None


def test_holidays() -> None:
    """A holiday is quiet all day or not at all; a day worked instead of it is like any other."""
    off = frozenset({date(2026, 10, 1), date(2026, 10, 2)})
    noon = datetime(2026, 10, 1, 12, tzinfo=SHANGHAI)
    quiet = QuietTime(start=time(22), end=time(8), holidays=DaysOff(off))
    assert quiet_until(noon, quiet, SHANGHAI) == datetime(2026, 10, 3, 8, tzinfo=SHANGHAI)
    never = QuietTime(start=time(22), end=time(8), holidays=DaysOff(off), on_holidays="ignore")
    assert quiet_until(noon.replace(hour=23), never, SHANGHAI) is None
    worked = QuietTime(start=time(22), end=time(8), holidays=DaysOff(off, workdays=off))
    assert quiet_until(noon, worked, SHANGHAI) is None


def test_what_never_ends() -> None:
    """Where every day is a holiday, somebody is still answered, with a time far away."""

    class Always:
        def __contains__(self, day: object) -> bool:
            return True

    moment = datetime(2026, 11, 23, tzinfo=UTC)
    end = quiet_until(moment, QuietTime(start=time(22), end=time(8), holidays=Always()), SHANGHAI)
    assert end is not None
    assert end - moment >= LONGEST
