"""Standing: what a ledger in a database keeps for the policies of all workers together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from notifyhub.ledger.admission import Admission, Question, Suppression
from notifyhub.ledger.health import Health
from notifyhub.ledger.job import Retention
from notifyhub.ledger.judging import Posed, posed
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.admitting import Admitting, GiveBack, swept
from notifyhub.ledger.sql.encoding import microseconds
from notifyhub.ledger.sql.observing import Observing, seen_since
from notifyhub.ledger.sql.script import Script
from notifyhub.ledger.sql.store import Store
from notifyhub.ledger.sql.suppressing import Lift, Lifting, Suppress, Suppressing, forgetting, list_of
from notifyhub.ledger.sql.views import Views
from notifyhub.quota import Taken

__all__ = ["Standing"]

_AT_ONCE = 500
"""Rows looked at in one transaction: it holds everybody else up."""


class Standing(Views):
    """The part of a `Ledger` that counts, lists and observes. store, sealer: see `SqlLedger`."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        super().__init__(store, sealer)
        # Operations of one kind are batched by the identity of these.
        self._admitting = Admitting(sealer, store.dialect, store.now)
        self._suppressing = Suppressing(sealer, store.dialect)
        self._lifting = Lifting(sealer, store.dialect)
        self._observing = Observing()
        self._forgetting = forgetting
        self._sweeping = _Sweeping(store)

    async def admit(self, question: Question) -> Admission:
        """See `Ledger.admit`."""
        if not self._started:
            await self.start()
        return await self._store.write(self._admitting, self._asked(question))

    async def give_back(self, taken: Sequence[Taken]) -> None:
        """See `Ledger.give_back`."""
        if taken:
            await self.start()
            await self._store.write(self._admitting, GiveBack(taken))

    async def suppress(self, entry: Suppression) -> Suppression:
        """See `Ledger.suppress`."""
        await self.start()
        return await self._store.write(self._suppressing, Suppress(entry, self._store.now()))

    async def suppressions(
        self, *, address: str | None = None, lifted: bool = False, limit: int = 100
    ) -> Sequence[Suppression]:
        """See `Ledger.suppressions`."""
        await self.start()
        return await self._store.read(list_of(address, lifted, limit, self._sealer, self._store.now()))

    async def lift(self, entry_id: str, by: str) -> Suppression:
        """See `Ledger.lift`."""
        await self.start()
        return await self._store.write(self._lifting, Lift(entry_id, by, self._store.now()))

    async def observe(self, seen: Sequence[Health]) -> None:
        """See `Ledger.observe`."""
        if seen:
            await self.start()
            await self._store.write(self._observing, seen)

    async def health(self, since: int) -> Sequence[Health]:
        """See `Ledger.health`."""
        await self.start()
        return await self._store.read(seen_since(since))

    def _asked(self, question: Question) -> Posed:
        digests = self._sealer.digests(question.address) if question.address else ()
        return posed(question, self._sealer.digest, digests)

    async def _tidy(self, retention: Retention, now: datetime) -> None:
        """Remove tallies that mean nothing any more, and entries that were long lifted or over."""
        await self._store.write(self._forgetting, microseconds(now - timedelta(days=retention.delivery)))
        after = ""
        while after := await self._store.write(self._sweeping, after):
            pass


class _Sweeping:
    """Removes tallies that mean nothing any more."""

    rank = 3

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, operations: Sequence[str]) -> Script[Sequence[str | Exception]]:
        """Names to begin after; the answer to each is the name to go on from, "" at the end."""
        answers = []
        for after in operations:
            last = yield from swept(after, _AT_ONCE, self._store.now(), self._store.dialect)
            answers.append(last)
        return answers
