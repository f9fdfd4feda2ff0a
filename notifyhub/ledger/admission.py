"""Admission: the one question that is asked of a ledger before a message goes, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from notifyhub.address import mask
from notifyhub.category import Category
from notifyhub.ledger.demand import NO_DEMAND, Demand
from notifyhub.quota import Low, Refusal, Taken

__all__ = ["NOTHING_TAKEN", "Admission", "Question", "Suppression"]


class Question(NamedTuple):
    """Whether a message may go, and by whom.

    delivery_id: whose, without `,` and `;`, which a `Sheet` has between others; what it had taken before (and
    a crash kept it from giving back) is not taken twice where the tally still knows it. channel, address,
    category: whether they are on the suppression list; address "" does not ask. demand: its quotas are taken
    all or none; the first instance of its turns whose own quotas have enough left is taken, along with the
    others; without any turns nobody's turn is asked for. latest: aware; when it is of no use any more. It is
    not promised a time after that, which would put off everybody else. recipient: the address, and words: the
    subject and the text, where the demand is about these.
    """

    delivery_id: str
    channel: str
    category: Category
    address: str = ""
    demand: Demand = NO_DEMAND
    latest: datetime | None = None
    recipient: str = ""
    words: str = ""

    def __repr__(self) -> str:
        return f"<Question about {self.delivery_id}: {self.demand}>"


@dataclass(frozen=True, slots=True)
class Suppression:
    """An entry of the suppression list.

    address: normalised; "" once it was erased, and not in the repr. channel, category: only for these;
    None for all. instance: only by this provider instance (a vendor's own blacklist); None for all.
    reason: why, in words, `opted out`. source: who put it there, `reply`, `cli`, `vendor 4030`.
    since: aware. until: when it ends by itself. id: given by the ledger.
    lifted_at, lifted_by: who took it off the list and when; it stays visible.
    """

    address: str
    reason: str
    source: str
    since: datetime
    channel: str | None = None
    category: Category | None = None
    instance: str | None = None
    until: datetime | None = None
    id: str = ""
    lifted_at: datetime | None = None
    lifted_by: str | None = None

    def __repr__(self) -> str:
        return f"<Suppression {self.id} of {mask(self.address)}: {self.reason}>"


class Admission:
    """The answer. Nothing was taken where `listed` or `refused` says something.

    listed: the entry that forbids it altogether. refused: the first quota that had not enough left; with
    turns and none of them free, the one that is free first. instance: whose turn it is. passed_over:
    instances before it that were not free, and why: a refusal, or the entry that forbids this instance
    only. low: of what was taken, what is low now (`Quota.low`).

    took: tells from these facts what was taken, for the turn or by the message; mostly nobody wants to know.
    """

    __slots__ = ("_facts", "_took", "instance", "listed", "low", "passed_over", "refused")

    def __init__(
        self,
        listed: Suppression | None = None,
        refused: Refusal | None = None,
        instance: str | None = None,
        passed_over: tuple[tuple[str, Refusal | Suppression], ...] = (),
        took: Callable[..., list[Taken]] | None = None,
        facts: tuple[Any, ...] = (),
        low: Sequence[Low] = (),
    ) -> None:
        self.listed = listed
        self.refused = refused
        self.instance = instance
        self.passed_over = passed_over
        self._took = took
        self._facts = facts
        self.low = low

    @property
    def taken(self) -> tuple[Taken, ...]:
        """What was taken by the message, in the order that it was asked for."""
        return () if self._took is None else tuple(self._took(*self._facts, False))

    @property
    def turn(self) -> tuple[Taken, ...]:
        """What was taken for the turn of `instance`."""
        return () if self._took is None else tuple(self._took(*self._facts, True))

    def by(self, instance: str) -> Admission:
        """The same, said of this instance."""
        told = self._took, self._facts
        return Admission(self.listed, self.refused, instance, self.passed_over, *told, self.low)

    def __repr__(self) -> str:
        return f"<Admission of {self.instance}: listed {self.listed}, refused {self.refused}>"


NOTHING_TAKEN = Admission()
"""The answer where nothing was asked, or nothing may be taken."""
