"""Demand: what messages of one kind take of the quotas, and whose turns they ask for; worked out once.

Where something is counted depends on the rule, which is the same for very many messages, and on whose it
is. Here is all of the former, so that little is left to do for each message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from notifyhub.ledger.tally import MOST_ENTRIES
from notifyhub.quota import About, Limit, Quota

__all__ = ["NO_DEMAND", "Block", "Demand", "Spot", "Turn"]

RECIPIENT, WORDS, BOTH, OTHERS = 0, 1, 2, 3
"""Whose page a block stands on; what is somebody's in any other way is counted up from `OTHERS`."""
WORDED = "\0"
"""In a mark: here the digest of the message's words goes."""


class Turn(NamedTuple):
    """An instance that may carry the message, and its vendor's own limits. Without any it is always free."""

    instance: str
    quotas: tuple[Quota, ...] = ()


class Spot(NamedTuple):
    """A quota, and where it is counted.

    mark: its own on the lines of a sheet; "" where it has a tally. tally: the name of that. turn: whether it
    is taken for the instance and not by the message. rank: its place among those asked for.
    """

    quota: Quota
    mark: str
    tally: str
    turn: bool
    rank: int


class Block:
    """Spots that stand on one page and are asked together: those on its sheet, or the one of a tally.

    page: its name where that is nobody's own, else "" and `whose` tells whose it is. marks: of all of them,
    as a line has them. span: how long such a line means something, microseconds. full: what is left of the
    first on an empty page. counted: the mark of each, how long it counts, and how much may have been taken
    before. worded: whether the words are in a mark. fits: whether an empty page has enough, and something of
    each is asked for. tally: whether it is the one of a tally. low: what was left of that when it is told to
    be low.
    """

    __slots__ = (
        "counted", "fits", "full", "low", "marks", "page", "span", "spots", "tally", "whose", "worded",
    )  # fmt: skip

    def __init__(self, page: str, whose: int, spots: Sequence[Spot]) -> None:
        self.page = page
        self.whose = whose
        self.spots = tuple(spots)
        self.tally = not spots[0].mark
        self.marks = "".join([spot.mark * spot.quota.amount for spot in spots])
        self.span = max(spot.quota.limit.span for spot in spots)
        self.counted = tuple([
            (spot.mark, spot.quota.limit.span, spot.quota.limit.amount - spot.quota.amount) for spot in spots
        ])  # fmt: skip
        self.full = spots[0].quota.limit.amount
        self.worded = WORDED in "".join([spot.mark for spot in spots])
        self.fits = all(0 < spot.quota.amount <= spot.quota.limit.amount for spot in spots)
        self.low = -1
        if self.tally and (first := self.spots[0].quota).low:
            self.low = first.limit.amount + first.amount - first.low
        elif any(spot.quota.low for spot in spots):
            self.fits = False  # how much is used up of those is not found out at a glance


class Demand:
    """Quotas that a message takes, all or none, and the turns it asks for.

    Quotas of one place are one, the greatest: what is asked for twice is not taken twice; nor is for a turn
    what the message takes anyhow.

    parts: the quotas as several asked for them, where whoever made it wants to know. spots: the message's.
    waiting: the instances of the turns, and the spots of each.
    mostly: what is taken where there is enough of everything: the message's, and for its first turn.
    common: names of pages that are nobody's own. own: whose pages it is about besides. others: what those of
    `OTHERS` are about. mere: whether all of its own is the recipient's. worded: whether it is about the
    words.
    """

    __slots__ = (
        "_abouts", "common", "mere", "mostly", "others", "own", "parts", "quotas", "spots", "turns",
        "waiting", "worded",
    )  # fmt: skip

    def __init__(
        self,
        quotas: Iterable[Quota] = (),
        turns: Iterable[Turn] = (),
        parts: Sequence[Sequence[Quota]] = (),
    ) -> None:
        self.quotas = tuple(quotas)
        self.turns = tuple(turns)
        self.parts = tuple(parts)
        self._abouts: dict[str, int] = {}
        spots = _spots_of(self.quotas)
        self.spots = tuple(spots.values())
        self.waiting = tuple([
            (turn.instance, tuple(_spots_of(turn.quotas, turn=True, but=spots).values()))
            for turn in self.turns
        ])  # fmt: skip
        taken = [of_turn for _, of_turn in self.waiting] or [()]
        blocks = [tuple(self._blocks([*self.spots, *of_turn])) for of_turn in taken]
        self.mostly = blocks[0]
        every = [block for some in blocks for block in some]
        self.common = tuple(dict.fromkeys(block.page for block in every if block.page))
        self.own = tuple(sorted({block.whose for block in every if not block.page}))
        self.mere = self.own == (RECIPIENT,)
        self.others = tuple(self._abouts)
        on_their_page = WORDS in self.own or BOTH in self.own
        self.worded = on_their_page or any(block.worded for block in every)

    def __repr__(self) -> str:
        return f"<Demand of {len(self.quotas)} quotas, {len(self.turns)} turns>"

    def whose(self, about: About | str) -> int:
        """Whose page something is counted on that is about this."""
        if isinstance(about, str):
            return self._abouts.setdefault(about, OTHERS + len(self._abouts))
        return WORDS if about is About.WORDS else RECIPIENT

    def _blocks(self, spots: Iterable[Spot]) -> Iterator[Block]:
        sheets: dict[int, list[Spot]] = {}
        for spot in spots:
            about = spot.quota.about
            if not about:
                yield Block(spot.tally, RECIPIENT, [spot])
            elif spot.mark:
                sheets.setdefault(self.whose(about), []).append(spot)
            else:
                # A tally has nothing to tell words by: they have a page.
                yield Block("", BOTH if about is About.RECIPIENT_AND_WORDS else self.whose(about), [spot])
        for whose, together in sheets.items():
            yield Block("", whose, together)


def _spots_of(
    quotas: Iterable[Quota], *, turn: bool = False, but: Collection[Hashable] = ()
) -> dict[Hashable, Spot]:
    """Where quotas are counted, by what tells places apart. but: what is taken already is left out."""
    spots: dict[Hashable, Spot] = {}
    for rank, quota in enumerate(quotas):
        mark, tally = written(quota.name, quota.apart, quota.limit, quota.about is About.RECIPIENT_AND_WORDS)
        place = (quota.about, tally)
        before = spots.get(place)
        if place not in but and (before is None or before.quota.amount < quota.amount):
            spots[place] = Spot(quota, mark, tally, turn, rank if before is None else before.rank)
    return spots


@lru_cache(4096)
def written(name: str, apart: str, limit: Limit, worded: bool) -> tuple[str, str]:
    """How a rule is written on a sheet, "" for one that has a tally; and the name of the tally, which people
    may read.
    """
    tally = f"|{name}|{apart}"
    if limit.window == "sliding" and limit.amount <= MOST_ENTRIES:
        # 32 bits tell the few rules of a page apart.
        rule = f"{tally}|words" if worded else tally[1:]  # as it was before there were words on a sheet
        mark = "," + hashlib.sha256(rule.encode()).hexdigest()[:8]
        return (f"{mark}:{WORDED}" if worded else mark), tally
    return "", f"{tally} ({limit.window})"


NO_DEMAND = Demand()
