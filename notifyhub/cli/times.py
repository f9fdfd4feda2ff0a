"""Times as they are given on the command line: a date and time, or so long from now or ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from notifyhub.errors import NotificationError

__all__ = ["ago", "ahead"]

_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def ahead(text: str, field: str, now: datetime) -> datetime:
    """A time to come: `2026-11-22T20:00+08:00`, or `+30s`, `+10m`, `+2h`, `+7d` from now (aware).

    Raises NotificationError for anything else, a time without a zone included.
    """
    remedy = "write it as 2026-11-22T20:00+08:00, or as +30s, +10m, +2h, +7d"
    sign, span = text[:1], text[1:]
    time = _moved(now, span, 1, field, remedy) if sign == "+" else _written(text, field, remedy)
    if time.tzinfo is None:
        raise NotificationError("has no time zone", field=field, remedy=remedy)
    return time


def ago(text: str, field: str, now: datetime) -> datetime:
    """A time past: `2026-11-22`, `2026-11-22T20:00+08:00` (local without a zone), or `2h`, `3d` before now.

    Raises NotificationError for anything else.
    """
    remedy = "write it as 2026-11-22, 2026-11-22T20:00+08:00, or as 30m, 2h, 3d"
    if _SPAN.fullmatch(text):
        return _moved(now, text, -1, field, remedy)
    time = _written(text, field, remedy)
    return time if time.tzinfo is not None else time.astimezone()


def _written(text: str, field: str, remedy: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise NotificationError("is no time", field=field, remedy=remedy) from None


def _moved(now: datetime, span: str, direction: int, field: str, remedy: str) -> datetime:
    found = _SPAN.fullmatch(span)
    if found is None:
        raise NotificationError("is no span of time", field=field, remedy=remedy)
    try:
        return now + direction * timedelta(**{_UNITS[found[2]]: float(found[1])})
    except OverflowError:
        raise NotificationError("is too far away", field=field, remedy=remedy) from None
