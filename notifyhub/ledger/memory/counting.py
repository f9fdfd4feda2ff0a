"""Counting: what the ledger in memory keeps for the policies: tallies, the suppression list, health."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from notifyhub.errors import UnknownSuppression
from notifyhub.ledger.admission import Admission, Question, Suppression
from notifyhub.ledger.health import SLOT, Health, added
from notifyhub.ledger.judging import decide, posed
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.tallies import Tallies
from notifyhub.message import new_id
from notifyhub.quota import Taken

__all__ = ["Counting"]

_FEW_TALLIES = 1024
_HOUR, _HEALTH_FOR = 3600, 24 * 3600
"""Seconds."""


class Counting:
    """The part of a `Ledger` that counts, lists and observes. clock: seconds since the epoch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # Digests here too: a tally's name shows no address, and whoever was erased is known by a digest only.
        self._digest = Sealer().digest
        self._tallies = Tallies()
        self._sweep_at = _FEW_TALLIES
        self._listed: dict[str, list[Suppression]] = {}
        self._seen: dict[tuple[int, str], Health] = {}
        self._forgot_at = 0

    async def admit(self, question: Question) -> Admission:
        """See `Ledger.admit`."""
        now = int(self._clock() * 1e6)
        entries: Sequence[Suppression] = ()
        if question.address and self._listed:
            listed = self._listed.get(self._digest(question.address), ())
            entries = [entry for entry in listed if _holds(entry, self._moment())]
        admission = decide(posed(question, self._digest), self._tallies, entries, now)
        if len(self._tallies.pages) >= self._sweep_at:
            self._tallies.sweep(now)
            self._sweep_at = max(2 * len(self._tallies.pages), _FEW_TALLIES)
        return admission

    async def give_back(self, taken: Sequence[Taken]) -> None:
        """See `Ledger.give_back`."""
        for each in taken:
            self._tallies.give_back(each)

    async def suppress(self, entry: Suppression) -> Suppression:
        """See `Ledger.suppress`."""
        now = self._moment()
        listed = self._listed.setdefault(self._digest(entry.address), [])
        for place, kept in enumerate(listed):
            if _holds(kept, now) and _scope(kept) == _scope(entry):
                if kept.until is not None and (entry.until is None or entry.until > kept.until):
                    kept = listed[place] = replace(kept, until=entry.until)
                return kept
        kept = replace(entry, id=new_id(), lifted_at=None, lifted_by=None)
        listed.append(kept)
        return kept

    async def suppressions(
        self, *, address: str | None = None, lifted: bool = False, limit: int = 100
    ) -> Sequence[Suppression]:
        """See `Ledger.suppressions`."""
        now = self._moment()
        listed = (
            chain.from_iterable(self._listed.values())
            if address is None
            else self._listed.get(self._digest(address), ())
        )
        found = [entry for entry in listed if lifted or _holds(entry, now)]
        return sorted(found, key=lambda entry: (entry.since, entry.id), reverse=True)[:limit]

    async def lift(self, entry_id: str, by: str) -> Suppression:
        """See `Ledger.lift`."""
        for listed in self._listed.values():
            for place, entry in enumerate(listed):
                if entry.id == entry_id:
                    if entry.lifted_at is None:
                        listed[place] = replace(entry, lifted_at=self._moment(), lifted_by=by)
                    return listed[place]
        raise UnknownSuppression("no such entry of the suppression list", field="entry_id")

    async def observe(self, seen: Sequence[Health]) -> None:
        """See `Ledger.observe`."""
        before = [
            self._seen[key] for key in {(each.slot, each.instance) for each in seen} & self._seen.keys()
        ]
        for each in added([*before, *seen]):
            self._seen[each.slot, each.instance] = each
        newest = max((each.slot for each in seen), default=0)
        if (newest - self._forgot_at) * SLOT >= _HOUR:
            self._forgot_at = newest
            for key in [key for key in self._seen if key[0] < newest - _HEALTH_FOR // SLOT]:
                del self._seen[key]

    async def health(self, since: int) -> Sequence[Health]:
        """See `Ledger.health`."""
        return [self._seen[key] for key in sorted(self._seen) if key[0] >= since]

    def _entries_of(self, addresses: Collection[str | None]) -> list[Suppression]:
        """All entries of these addresses, the oldest first."""
        digests = {self._digest(address) for address in addresses if address}
        found = [entry for digest in digests for entry in self._listed.get(digest, ())]
        return sorted(found, key=lambda entry: (entry.since, entry.id))

    def _blank_entries_of(self, addresses: Collection[str | None]) -> None:
        """Erase these addresses from their entries, which hold on."""
        for digest in {self._digest(address) for address in addresses if address}:
            if digest in self._listed:
                self._listed[digest] = [replace(entry, address="") for entry in self._listed[digest]]

    def _tidy(self, now: datetime, days: float) -> None:
        """Remove tallies that mean nothing any more, and entries lifted or over for so many days."""
        self._tallies.sweep(int(self._clock() * 1e6))
        before = now - timedelta(days=days)
        for digest, listed in list(self._listed.items()):
            left = [entry for entry in listed if not _ended_before(entry, before)]
            if left:
                self._listed[digest] = left
            else:
                del self._listed[digest]

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _holds(entry: Suppression, now: datetime) -> bool:
    return entry.lifted_at is None and (entry.until is None or entry.until > now)


def _scope(entry: Suppression) -> tuple[object, ...]:
    return entry.channel, entry.category, entry.instance


def _ended_before(entry: Suppression, before: datetime) -> bool:
    return any(ended is not None and ended < before for ended in (entry.lifted_at, entry.until))
