"""Admission: the one question that is asked of a ledger before a message goes, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from notifyhub.address import mask
from notifyhub.category import Category
from notifyhub.quota import Quota, Refusal, Taken

__all__ = ["Admission", "Question", "Suppression", "Turn"]


class Turn(NamedTuple):
    """An instance that may carry the message, and its vendor's own limits. Without any it is always free."""

    instance: str
    quotas: tuple[Quota, ...] = ()


class Question(NamedTuple):
    """Whether a message may go, and by whom.

    delivery_id: whose; what it had taken before (and a crash kept it from giving back) is not taken twice
    where the tally still knows it. channel, address, category: whether they are on the suppression list;
    address "" does not ask. quotas: taken all or none. turns: the first instance whose own quotas have
    enough left is taken, along with the others; without any turns nobody's turn is asked for. latest: aware;
    when it is of no use any more. It is not promised a time after that, which would put off everybody else.
    """

    delivery_id: str
    channel: str
    category: Category
    address: str = ""
    quotas: tuple[Quota, ...] = ()
    turns: tuple[Turn, ...] = ()
    latest: datetime | None = None

    def __repr__(self) -> str:
        return f"<Question about {self.delivery_id}: {len(self.quotas)} quotas, {len(self.turns)} turns>"


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


class Admission(NamedTuple):
    """The answer. Nothing was taken where `listed` or `refused` says something.

    listed: the entry that forbids it altogether. refused: the first quota that had not enough left; with
    turns and none of them free, the one that is free first. taken: by the message. instance: whose turn
    it is. turn: what was taken for it. passed_over: instances before it that were not free, and why: a
    refusal, or the entry that forbids this instance only.
    """

    listed: Suppression | None = None
    refused: Refusal | None = None
    taken: tuple[Taken, ...] = ()
    instance: str | None = None
    turn: tuple[Taken, ...] = ()
    passed_over: tuple[tuple[str, Refusal | Suppression], ...] = ()
