"""Quota: how much of something may go out in a time, and what is asked for of it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import Enum
from typing import Literal, NamedTuple

from notifyhub.category import Category
from notifyhub.errors import SettingsError
from notifyhub.message import Message

__all__ = ["About", "Limit", "LimitRule", "Low", "Per", "Quota", "Refusal", "Taken", "Window", "offset_of"]

Per = Literal["recipient", "words", "notice", "category", "country"]
"""What a rule counts apart: without any, everything it is for counts together."""

Window = Literal["sliding", "fixed"]
_WRITTEN = re.compile(r"\s*(\d{1,12})\s*/\s*(\d{0,9}(?:\.\d+)?)\s*(s|second|m|minute|h|hour|d|day)s?\s*")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Limit:
    """So much at most in so many seconds: in any such stretch (`sliding`), or in each (`fixed`).

    span: the seconds in microseconds. Fixed windows are counted from midnight of the quota's own calendar;
    see `Quota.offset`.
    """

    amount: int
    seconds: float
    window: Window = "sliding"
    span: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "span", int(self.seconds * 1_000_000))

    @classmethod
    def parse(cls, written: str, window: Window = "sliding") -> Limit:
        """`"5/day"`, `"1/60s"`, `"20/2h"`. Raises SettingsError for anything else."""
        found = _WRITTEN.fullmatch(written)
        seconds = 0.0 if found is None else float(found[2] or 1) * _SECONDS[found[3][0]]
        if found is None or not seconds:
            raise SettingsError(
                f"`{written}` is no limit", field="limit", remedy='write "5/day", "1/60s" or "20/2h"'
            )
        return cls(int(found[1]), seconds, window)

    def __str__(self) -> str:
        for name in ("day", "hour"):
            if self.seconds == _SECONDS[name[0]]:
                return f"{self.amount}/{name}"
        return f"{self.amount}/{self.seconds:g}s"


class About(Enum):
    """What of the message itself is counted apart and is somebody's own.

    A quota that says so is the same for every message; the ledger takes a digest of the message's own.
    """

    RECIPIENT = "recipient"
    """The channel and the address."""
    WORDS = "words"
    """The subject and the text, whoever gets them."""
    RECIPIENT_AND_WORDS = "recipient and words"


_ABOUT: dict[frozenset[str], About | str] = {
    frozenset(): "",
    frozenset({"recipient"}): About.RECIPIENT,
    frozenset({"words"}): About.WORDS,
    frozenset({"recipient", "words"}): About.RECIPIENT_AND_WORDS,
}


class Quota(NamedTuple):
    """So much of a limit is asked for, on behalf of one message.

    name: the rule's, as people read it. about: what is counted apart under this rule and is somebody's own:
    the message's (`About`), or anything else, a customer's number; the ledger keeps a digest of it only.
    "" counts everybody together. amount: how much is asked for; 0 asks whether there is any left, more than
    the limit never fits. offset: seconds by which a fixed window's calendar is ahead of UTC (28800 for days
    that begin at midnight in Shanghai). apart: what is counted apart and is no secret (a notice, a country).
    low: from so much used up on, the ledger says so with its answer; 0 never.

    Two quotas that are alike in name, about and apart count on one tally and must have one limit.
    """

    name: str
    about: About | str
    limit: Limit
    amount: int = 1
    offset: int = 0
    apart: str = ""
    low: int = 0

    def __repr__(self) -> str:
        return f"<Quota {self.amount} of {self.name}>"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A quota that had not enough left. free_at: when it may have, microseconds since the epoch; those who
    are refused are given times one after another, so that they do not all come back at once. left: what
    there was. instance: whose turn it was about, where it was an instance's own limit.
    """

    quota: Quota
    free_at: int
    left: int = 0
    instance: str | None = None


class Taken(NamedTuple):
    """What was taken of a tally, to be given back (all of it, or a part with a lesser amount).

    page, tally: where the ledger counts it. at: microseconds since the epoch, as it was counted.
    delivery_id: whose it is.
    """

    quota: Quota
    page: str
    tally: str
    at: int
    amount: int
    delivery_id: str = ""


class Low(NamedTuple):
    """A quota of which much is used up. at: microseconds since the epoch. used: with what was taken last."""

    quota: Quota
    at: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRule:
    """Limits that hold together for some messages. What they are for: an empty set is any.

    name: as `explain()` and settings call it. per: what is counted apart, `("recipient", "words")` for the
    same text to one number. zone: whose midnight fixed windows are counted from; None is UTC.
    """

    name: str
    limits: tuple[Limit, ...]
    per: tuple[Per, ...] = ("recipient",)
    channels: frozenset[str] = frozenset()
    categories: frozenset[Category] = frozenset()
    notices: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    zone: tzinfo | None = None
    about: About | str = field(init=False, repr=False, compare=False)
    picky: bool = field(init=False, repr=False, compare=False)
    """Whether it is not for all messages."""
    by_calendar: bool = field(init=False, repr=False, compare=False)
    """Whether the time of day in its zone matters."""
    _public: tuple[Per, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Found out once: a rule is asked for each message.
        own = frozenset({"recipient", "words"})
        object.__setattr__(self, "about", _ABOUT[own.intersection(self.per)])
        picky = bool(self.channels or self.categories or self.notices or self.countries)
        object.__setattr__(self, "picky", picky)
        fixed = any(limit.window == "fixed" for limit in self.limits)
        object.__setattr__(self, "by_calendar", self.zone is not None and fixed)
        object.__setattr__(self, "_public", tuple([per for per in self.per if per not in own]))

    def fits(self, message: Message) -> bool:
        """Whether the rule is for such a message."""
        return not self.picky or (
            (not self.channels or message.channel in self.channels)
            and (not self.categories or message.category in self.categories)
            and (not self.notices or message.notice in self.notices)
            and (not self.countries or message.country in self.countries)
        )

    def looks_at(self) -> Collection[str]:
        """What of a message its quotas depend on, besides what they are about."""
        chosen = {
            "channel": self.channels,
            "category": self.categories,
            "notice": self.notices,
            "country": self.countries,
        }
        return {*self._public, *[name for name, values in chosen.items() if values]}

    def names(self, owner: str = "") -> tuple[str, ...]:
        """What its quotas are called, one a limit. owner: whose limits these are, counted apart by it."""
        name = f"{owner}: {self.name}" if owner else self.name
        return tuple([f"{name} {limit}" for limit in self.limits])

    def apart(self, message: Message) -> str:
        """What of the message is counted apart and is no secret."""
        return ", ".join([_told(message, per) for per in self._public])

    def quotas(self, message: Message, owner: str = "", at: datetime | None = None) -> tuple[Quota, ...]:
        """What the message takes under this rule. owner: as for `names`. at: aware; by default now."""
        if not self.fits(message):
            return ()
        apart = self.apart(message)
        named = zip(self.names(owner), self.limits, strict=True)
        return tuple([
            Quota(name, self.about, limit, 1, self._offset(limit, at), apart) for name, limit in named
        ])  # fmt: skip

    def _offset(self, limit: Limit, at: datetime | None) -> int:
        if self.zone is None or limit.window == "sliding":
            return 0
        return offset_of(self.zone, at or datetime.now(UTC))


def offset_of(zone: tzinfo, at: datetime) -> int:
    """Seconds by which the clocks of a time zone are ahead of UTC at that (aware) time."""
    ahead = at.astimezone(zone).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds())


def _told(message: Message, per: Per) -> str:
    if per == "notice":
        return message.notice or "no notice"
    return str(message.category) if per == "category" else message.country or "no country"
