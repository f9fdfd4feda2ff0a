"""Gathering: in memory, the deliveries that become one message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from operator import itemgetter

from notifyhub.ledger.grouping import left_behind, merged_step
from notifyhub.ledger.job import Gathered
from notifyhub.ledger.memory.shelf import Kept, Shelf
from notifyhub.outcome import Delivery, Status

__all__ = ["Gathering"]


class Gathering:
    """Merges what belongs together into what is about to be sent, and queues it again where that never is."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def gather(self, kept: Kept, most: int, now: float) -> Gathered:
        """See `Ledger.gather`."""
        leader = kept.delivery.id
        leaders, place = self._leaders(kept)
        before = [each for name in leaders for each in self._shelf.groups.led.get(name, ())]
        merged: list[Kept] = []
        brought: list[Kept] = []
        if not kept.delivery.copies:
            before = self._in_time(before, now)
            room = most - 1 - len(before)
            for joining in list(self._joining(kept, now)):
                brings = self._shelf.groups.led.get(joining.delivery.id, [])
                if 1 + len(brings) <= room:
                    room -= 1 + len(brings)
                    merged.append(joining)
        for each in merged:
            for other in self._in_time(self._shelf.groups.led.pop(each.delivery.id, []), now):
                other.delivery = other.delivery.evolve(
                    steps=(*other.delivery.steps, merged_step(leader)), detail=f"into {leader}"
                )
                brought.append(other)
            each.say(Status.MERGED, merged_step(leader))
            each.delivery = each.delivery.evolve(due=None, detail=f"into {leader}")
            self._shelf.end(each)
        if merged:
            self._shelf.groups.led.setdefault(leader, []).extend([*merged, *brought])
        placed = [(place, kept), *((_age(each), each) for each in (*before, *merged, *brought))]
        placed.sort(key=itemgetter(0))
        jobs = [job for _, each in placed if (job := each.as_job()) is not None]
        return Gathered(tuple(jobs), tuple(each.delivery for each in merged))

    def release(self, leader: Delivery, now: float) -> None:
        """Queue again what was merged into a delivery that ended unsent: what it said is still to be said."""
        if leader.copies:
            return
        for kept in self._shelf.groups.led.pop(leader.id, []):
            if kept.job is None:
                continue  # erased meanwhile
            kept.say(Status.QUEUED, left_behind(leader.id, leader.status))
            kept.delivery = kept.delivery.evolve(detail=None)
            self._shelf.ended.pop(kept.delivery.id, None)
            self._shelf.groups.join(kept)
            self._shelf.wait(kept, now)

    def _leaders(self, kept: Kept) -> tuple[list[str], tuple[datetime, str]]:
        """Itself and what it is a resend of; and its place in the order, which is that one's."""
        names, place = [kept.delivery.id], _age(kept)
        former = kept.delivery.resend_of
        while former is not None and former not in names:
            names.append(former)
            known = self._shelf.get(former)
            former = known.delivery.resend_of if known is not None else None
            place = _age(known) if known is not None else place
        return names, place

    def _joining(self, kept: Kept, now: float) -> Iterator[Kept]:
        """Those that may join it, the oldest first."""
        for each in sorted(self._shelf.groups.others(kept), key=_age):
            if each.place is not None and not each.delivery.copies and not each.too_late(now):
                yield each

    def _in_time(self, led: list[Kept], now: float) -> list[Kept]:
        """Those that are not too late by now; the others end."""
        for kept in led:
            if kept.too_late(now) and kept.delivery.status is Status.MERGED:
                kept.say(Status.EXPIRED, "deadline: passed while the digest it is part of waited")
                kept.delivery = kept.delivery.evolve(detail=None)
        return [kept for kept in led if kept.delivery.status is Status.MERGED]


def _age(kept: Kept) -> tuple[datetime, str]:
    """Its place in the order of creation."""
    return kept.delivery.created_at, kept.delivery.id
