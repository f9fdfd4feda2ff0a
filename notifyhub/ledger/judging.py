"""Judging: the answer to a question, from the tallies and the entries of the suppression list it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from notifyhub.ledger.admission import Admission, Question, Suppression
from notifyhub.ledger.demand import BOTH, RECIPIENT, WORDED, Block, Spot
from notifyhub.ledger.tallies import Page, Place, Tallies, elsewhere
from notifyhub.quota import About, Low, Refusal, Taken

__all__ = ["Posed", "decide", "posed"]

_DIGITS = 12
"""Of the digest of words in a mark: 48 bits tell apart what was said to one recipient."""

_new = tuple.__new__  # what a NamedTuple does after a call more, which is made for each message
Fits: TypeAlias = list[tuple[Place, int]]
"""Where there is enough, and how much."""


class Posed(NamedTuple):
    """A question, with a digest of whatever it is about.

    words: as marks have them. pages: those of somebody, in the order of `Block.whose`, the last ones left out
    where there is nothing on them. digests: under which its address may be on the suppression list; none does
    not ask.
    """

    question: Question
    words: str = ""
    pages: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()


def posed(question: Question, digest: Callable[[str], str], digests: tuple[str, ...] = ()) -> Posed:
    """The question, with a digest of whatever it is about. digests: as in `Posed`."""
    demand = question.demand
    own = demand.own
    if not own:
        return _new(Posed, (question, "", (), digests))
    recipient = said = words = ""
    if own[0] == RECIPIENT or BOTH in own:
        recipient = f"{digest(question.recipient)}.{question.channel}"
    if demand.worded:
        said = digest(question.words)
        words = said[:_DIGITS]
    if demand.mere:
        return _new(Posed, (question, words, (recipient,), digests))
    # By all of the digest, not as `elsewhere` has it: that page is read only where the recipient's is long.
    pages = (recipient, f"{said}.words", f"{recipient}.{said}")
    return Posed(question, words, (*pages, *[digest(about) for about in demand.others]), digests)


def decide(asked: Posed, tallies: Tallies, entries: Sequence[Suppression], now: int) -> Admission:
    """Whether the message may go, and by whom; what it takes is taken. See `Ledger.admit`.

    entries: all of its address that are neither lifted nor over. now: microseconds since the epoch.
    """
    if entries:
        return _with_care(asked, tallies, entries, now)
    # Mostly there is enough of everything. What is done here, is done for every message.
    question, words, own, _ = asked
    demand, whose, pages = question.demand, question.delivery_id, tallies.pages
    found: list[tuple[Block, Page | None, str, int]] = []
    for block in demand.mostly:
        name = block.page or own[block.whose]
        page = pages.get(name)
        if page is None:
            left = block.full if block.fits else None
        elif block.tally:
            left = page.tally_room(block, whose, now)
        else:
            left = page.room(block, words, whose, now)
        if left is None:
            return _with_care(asked, tallies, entries, now)
        found.append((block, page, name, left))
    times: list[int] = []
    low: list[Low] = []
    for block, page, name, left in found:
        if page is None:
            page = tallies.page(name)
        page.changed = True
        if not block.tally:
            times.append(page.take_all(block, words, whose, now))
            continue
        times.append(page.take_tally(block, whose, now))
        if left <= block.low:
            quota = block.spots[0].quota
            low.append(Low(quota, times[-1], quota.limit.amount - left + quota.amount))
    instance = demand.turns[0].instance if demand.turns else None
    return Admission(None, None, instance, (), _took, (asked, times), low or ())


def _took(asked: Posed, times: Sequence[int], turn: bool) -> list[Taken]:
    """What was taken where there was enough of everything. See `Admission`. times: as which blocks count."""
    question, words, own, _ = asked
    took: list[tuple[int, Taken]] = []
    for block, at in zip(question.demand.mostly, times, strict=True):
        page = block.page or own[block.whose]
        for spot in block.spots:
            quota = spot.quota
            if spot.turn is turn:
                tally = spot.mark.replace(WORDED, words) or spot.tally
                taken = Taken(quota, page, tally, at, quota.amount, question.delivery_id)
                took.append((spot.rank, taken))
    took.sort(key=itemgetter(0))
    return [taken for _, taken in took]


def _with_care(asked: Posed, tallies: Tallies, entries: Sequence[Suppression], now: int) -> Admission:
    """As `decide`, one quota after the other."""
    question, demand = asked.question, asked.question.demand
    listed = [entry for entry in entries if _is_for(entry, question)]
    for entry in listed:
        if entry.instance is None:
            return Admission(listed=entry)
    whose = question.delivery_id
    fits: Fits = []
    for spot in demand.spots:
        place = _placed(spot, asked)
        left = tallies.left(place, now)
        refusal = tallies.lacking(place, left, whose, now)
        if refusal is not None:
            _promise(tallies, place, refusal, question)
            return Admission(refused=refusal)
        fits.append((place, left))
    if not demand.waiting:
        took, low = _take(fits, tallies, whose, now)
        return Admission(took=_of, facts=(took, []), low=low)
    passed_over: list[tuple[str, Refusal | Suppression]] = []
    first_free: tuple[Place, Refusal] | None = None
    for instance, spots in demand.waiting:
        barred = next((entry for entry in listed if entry.instance == instance), None)
        if barred is not None:
            passed_over.append((instance, barred))
            continue
        places = [_placed(spot, asked) for spot in spots]
        fitting: Fits = []
        lacks = _lacks(instance, places, fitting, tallies, whose, now)
        if lacks is None:
            took, low = _take(fits, tallies, whose, now)
            turn, also_low = _take(fitting, tallies, whose, now)
            over = tuple(passed_over)
            return Admission(None, None, instance, over, _of, (took, turn), [*low, *also_low])
        passed_over.append((instance, lacks[1]))
        if first_free is None or lacks[1].free_at < first_free[1].free_at:
            first_free = lacks
    if first_free is None:
        return Admission(listed=listed[0], passed_over=tuple(passed_over))
    _promise(tallies, *first_free, question)
    return Admission(refused=first_free[1], passed_over=tuple(passed_over))


def _placed(spot: Spot, asked: Posed) -> Place:
    """Where a quota is counted for this message."""
    quota, mark, tally, _, _ = spot
    if not quota.about:
        return Place(quota, tally, mark, tally)
    whose = asked.question.demand.whose(quota.about)
    if quota.about is not About.RECIPIENT_AND_WORDS:
        return Place(quota, asked.pages[whose], mark, tally)
    if not mark:
        return Place(quota, asked.pages[BOTH], "", tally)
    page, words = asked.pages[whose], asked.words
    return Place(quota, page, mark.replace(WORDED, words), tally, elsewhere(page, words))


def _is_for(entry: Suppression, question: Question) -> bool:
    return (entry.channel is None or entry.channel == question.channel) and (
        entry.category is None or entry.category == question.category
    )


def _lacks(
    instance: str, places: Iterable[Place], fits: Fits, tallies: Tallies, whose: str, now: int
) -> tuple[Place, Refusal] | None:
    """What keeps an instance from its turn the longest, and where. fits: what does not is added to it."""
    longest: tuple[Place, Refusal] | None = None
    for place in places:
        left = tallies.left(place, now)
        refusal = tallies.lacking(place, left, whose, now)
        if refusal is None:
            fits.append((place, left))
        elif longest is None or refusal.free_at > longest[1].free_at:
            longest = place, Refusal(place.quota, refusal.free_at, refusal.left, instance)
    return longest


def _promise(tallies: Tallies, place: Place, refusal: Refusal, question: Question) -> None:
    """Keep a time for whoever was refused, if it is one that the message can wait for."""
    if question.latest is None or refusal.free_at < question.latest.timestamp() * 1e6:
        tallies.promise(place, refusal)


def _take(fits: Fits, tallies: Tallies, whose: str, now: int) -> tuple[list[Taken], list[Low]]:
    took: list[Taken] = []
    low: list[Low] = []
    for place, left in fits:
        taken, used = tallies.take(place, left, whose, now)
        took.append(taken)
        if 0 < place.quota.low <= used:
            low.append(Low(place.quota, taken.at, used))
    return took, low


def _of(taken: list[Taken], for_turn: list[Taken], turn: bool) -> list[Taken]:
    """What was taken, one after the other. See `Admission`."""
    return for_turn if turn else taken
