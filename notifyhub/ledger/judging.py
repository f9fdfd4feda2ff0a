"""Judging: the answer to a question, from the tallies and the entries of the suppression list it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from notifyhub.ledger.admission import Admission, Question, Suppression
from notifyhub.ledger.tallies import Place, Tallies, placed
from notifyhub.quota import Quota, Refusal, Taken

__all__ = ["Posed", "decide", "posed"]

Named = Mapping[str, Place]
"""Where quotas are counted, by the ledger's own names for that."""


Fits: TypeAlias = list[tuple[Place, int]]
"""Where there is enough, and how much."""


class Posed(NamedTuple):
    """A question with its quotas placed. turns: instances in their order, and what each takes."""

    question: Question
    quotas: Named
    turns: list[tuple[str, Named]]

    def pages(self) -> Iterator[str]:
        """The names of all pages that it is about."""
        for place in self.quotas.values():
            yield place.page
        for _, quotas in self.turns:
            for place in quotas.values():
                yield place.page


def posed(question: Question, digest: Callable[[str], str]) -> Posed:
    """The question with its quotas placed: on a page by a digest of what they are about.

    Quotas of one place are one, the greatest: what is asked for twice is not taken twice; nor is for a turn
    what the message takes anyhow.
    """
    quotas = _named(question.quotas, digest)
    turns = [(turn.instance, _named(turn.quotas, digest, quotas)) for turn in question.turns]
    return Posed(question, quotas, turns)


def decide(asked: Posed, tallies: Tallies, entries: Iterable[Suppression], now: int) -> Admission:
    """Whether the message may go, and by whom; what it takes is taken. See `Ledger.admit`.

    entries: all of its address that are neither lifted nor over. now: microseconds since the epoch.
    """
    question = asked.question
    listed = [entry for entry in entries if _is_for(entry, question)] if entries else []
    for entry in listed:
        if entry.instance is None:
            return Admission(listed=entry)
    whose = question.delivery_id
    fits: Fits = []
    for place in asked.quotas.values():
        left = tallies.left(place, now)
        if not 0 < left >= place.quota.amount:
            refusal = tallies.lacking(place, left, whose, now)
            if refusal is not None:
                _promise(tallies, place, refusal, question)
                return Admission(refused=refusal)
        fits.append((place, left))
    if not asked.turns:
        return Admission(taken=_take(fits, tallies, whose, now))
    passed_over: list[tuple[str, Refusal | Suppression]] = []
    first_free: tuple[Place, Refusal] | None = None
    for instance, quotas in asked.turns:
        barred = next((entry for entry in listed if entry.instance == instance), None)
        if barred is not None:
            passed_over.append((instance, barred))
            continue
        fitting: Fits = []
        lacks = _lacks(instance, quotas, fitting, tallies, whose, now)
        if lacks is None:
            taken, turn = _take(fits, tallies, whose, now), _take(fitting, tallies, whose, now)
            return Admission(taken=taken, instance=instance, turn=turn, passed_over=tuple(passed_over))
        passed_over.append((instance, lacks[1]))
        if first_free is None or lacks[1].free_at < first_free[1].free_at:
            first_free = lacks
    if first_free is None:
        return Admission(listed=listed[0], passed_over=tuple(passed_over))
    _promise(tallies, *first_free, question)
    return Admission(refused=first_free[1], passed_over=tuple(passed_over))


def _named(quotas: Iterable[Quota], digest: Callable[[str], str], but: Named = MappingProxyType({})) -> Named:
    named: dict[str, Place] = {}
    about, page = "", ""
    for quota in quotas:
        if quota.about != about:  # mostly it is what the one before was about
            about = quota.about
            page = digest(about) if about else ""
        place = placed(quota, page)
        name = place.name
        if name not in but and (name not in named or named[name].quota.amount < quota.amount):
            named[name] = place
    return named


def _is_for(entry: Suppression, question: Question) -> bool:
    return (entry.channel is None or entry.channel == question.channel) and (
        entry.category is None or entry.category == question.category
    )


def _lacks(
    instance: str, quotas: Named, fits: Fits, tallies: Tallies, whose: str, now: int
) -> tuple[Place, Refusal] | None:
    """What keeps an instance from its turn the longest, and where. fits: what does not is added to it."""
    longest: tuple[Place, Refusal] | None = None
    for place in quotas.values():
        left = tallies.left(place, now)
        if not 0 < left >= place.quota.amount:
            refusal = tallies.lacking(place, left, whose, now)
            if refusal is not None:
                if longest is None or refusal.free_at > longest[1].free_at:
                    longest = place, Refusal(place.quota, refusal.free_at, refusal.left, instance)
                continue
        fits.append((place, left))
    return longest


def _promise(tallies: Tallies, place: Place, refusal: Refusal, question: Question) -> None:
    """Keep a time for whoever was refused, if it is one that the message can wait for."""
    if question.latest is None or refusal.free_at < question.latest.timestamp() * 1e6:
        tallies.promise(place, refusal)


def _take(fits: Fits, tallies: Tallies, whose: str, now: int) -> tuple[Taken, ...]:
    return tuple([tallies.take(place, left, whose, now) for place, left in fits])
