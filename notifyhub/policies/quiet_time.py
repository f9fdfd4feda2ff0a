"""QuietTime: when the clock on the recipient's wall says that it is quiet, and until when."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import ceil, floor
from typing import Literal

from notifyhub.category import Category
from notifyhub.policies.days_off import DaysOff

__all__ = ["QuietTime", "quiet_until"]

_DAY = timedelta(days=1)
_MIDNIGHT = time()
LONGEST = timedelta(days=400)
"""How far the end of what never ends is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietTime:
    """A stretch of the day that is quiet; over midnight where `end` is not after `start`.

    start, end: naive local times; `end` itself is not quiet. days: weekdays on which it begins, 1 is Monday.
    categories: which wait. holidays: local dates that are quiet from midnight to midnight (`whole_day`) or
    not at all (`ignore`), whatever began the day before.
    """

    start: time
    end: time
    days: frozenset[int] = frozenset(range(1, 8))
    categories: frozenset[Category] = frozenset({Category.MARKETING})
    holidays: Container[date] = field(default_factory=DaysOff)
    on_holidays: Literal["whole_day", "ignore"] = "whole_day"

    def covers(self, local: datetime) -> bool:
        """Whether it is quiet when the wall says this."""
        day, at = local.date(), local.time()
        if day in self.holidays:
            return self.on_holidays == "whole_day"
        today = day.isoweekday() in self.days
        if self.start < self.end:
            return today and self.start <= at < self.end
        return (today and at >= self.start) or (at < self.end and (day - _DAY).isoweekday() in self.days)


def quiet_until(moment: datetime, quiet: QuietTime, zone: tzinfo) -> datetime | None:
    """The first instant from `moment` (aware) on that is not quiet, in UTC; None where that is `moment`.

    What the wall shows decides: a time that is skipped when clocks are put forward is over as soon as the
    clock is past it, and one that comes twice is quiet twice. What does not end within `LONGEST` is said to
    end then.
    """
    at = begun = moment.astimezone(UTC)
    while quiet.covers(at.astimezone(zone)) and at - begun < LONGEST:
        at = _next_change(at, quiet, zone)
    return None if at == begun else at


def _next_change(at: datetime, quiet: QuietTime, zone: tzinfo) -> datetime:
    """The next instant at which the wall passes one of the times that matter, or jumps."""
    today = at.astimezone(zone).date()
    following = min(
        instant
        for day in (today - _DAY, today, today + _DAY)
        for clock in (_MIDNIGHT, quiet.start, quiet.end)
        for fold in (0, 1)
        if (instant := datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC)) > at
    )
    return min(following, _jump(at, following, zone))


def _jump(begin: datetime, end: datetime, zone: tzinfo) -> datetime:
    """When the clocks are put forward or back between two instants less than two days apart; else `end`."""

    def ahead(timestamp: int) -> timedelta | None:
        return datetime.fromtimestamp(timestamp, zone).utcoffset()

    low, high = floor(begin.timestamp()), ceil(end.timestamp())
    before = ahead(low)
    if before == ahead(high):
        return end
    while high - low > 1:  # clocks are put forward and back at whole seconds
        middle = (low + high) // 2
        if ahead(middle) == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
