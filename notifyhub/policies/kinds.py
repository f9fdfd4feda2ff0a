"""PerKind: what some rules make of a message, made once for all messages that are alike to them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from notifyhub.message import Message
from notifyhub.quota import LimitRule

__all__ = ["PerKind"]

Made = TypeVar("Made")
Key = TypeVar("Key", bound=Hashable)
_MANY = 4096
_QUARTER = 15
"""Minutes: clocks are put forward and back at the quarter of an hour."""


class PerKind(Generic[Key, Made]):
    """Remembers what was made for a kind of message. Whoever gets the same thing again may know it by that.

    rules: by what they look at, messages are alike or not. make: of a message, what else matters, and the
    time (aware). clock: aware datetimes. by_calendar: whether the time matters, whatever the rules are.
    """

    def __init__(
        self,
        rules: Iterable[LimitRule],
        make: Callable[[Message, Key, datetime], Made],
        clock: Callable[[], datetime],
        *,
        by_calendar: bool = False,
    ) -> None:
        rules = tuple(rules)
        looks_at = {what for rule in rules for what in rule.looks_at()}
        self._alike = not looks_at
        self._by_country = "country" in looks_at
        self._by_calendar = by_calendar or any(rule.by_calendar for rule in rules)
        self.constant = self._alike and not self._by_calendar
        """Whether only the key matters."""
        self._make = make
        self._clock = clock
        self._since = self._until = datetime.min.replace(tzinfo=UTC)
        self._made: dict[Hashable, Made] = {}

    def __call__(self, message: Message, key: Key) -> Made:
        """What was made for such a message. key: what else matters."""
        kind: Hashable = key
        if not self._alike:
            country = message.country if self._by_country else ""
            kind = (key, message.channel, message.category, message.notice, country)
        if self._by_calendar:
            now = self._clock()
            if not self._since <= now < self._until:
                since = now.replace(minute=now.minute // _QUARTER * _QUARTER, second=0, microsecond=0)
                # In UTC: what the wall shows when clocks are put back comes twice, and is not told apart.
                self._since = since.astimezone(UTC)
                self._until = self._since + timedelta(minutes=_QUARTER)
                self._made.clear()
        made = self._made.get(kind)
        if made is None:
            if len(self._made) >= _MANY:
                self._made.clear()
            made = self._made[kind] = self._make(message, key, self._clock())
        return made
