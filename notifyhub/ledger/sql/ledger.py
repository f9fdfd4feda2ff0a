"""SqlLedger: the ledger's contract on any database that can run its scripts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

from notifyhub.errors import LeaseLost
from notifyhub.ledger.admission import Admission, Question
from notifyhub.ledger.connections import connected
from notifyhub.ledger.job import Gathered, Job, Retention
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql import finding
from notifyhub.ledger.sql import retention as forgetting
from notifyhub.ledger.sql.admitting import Enter, Entered
from notifyhub.ledger.sql.claiming import Claim, Claiming, GivingBack, Renewing, Taken, TakingOver
from notifyhub.ledger.sql.gathering import Gather, Gathering
from notifyhub.ledger.sql.history import NOTHING, Extent, extent_of
from notifyhub.ledger.sql.noting import Note, Noting
from notifyhub.ledger.sql.opening import Opened, Opening
from notifyhub.ledger.sql.operating import Cancel, Cancelling, Expire, Expiring, Resolve, Resolving
from notifyhub.ledger.sql.receiving import Heard, Hearing, Received, Receiving, Rejoining, barred
from notifyhub.ledger.sql.recording import Record, Recording, Submission, Submitting
from notifyhub.ledger.sql.retention import Erase, Erasing, Forget, Forgetting
from notifyhub.ledger.sql.rows import row_of
from notifyhub.ledger.sql.script import Script
from notifyhub.ledger.sql.standing import Standing
from notifyhub.ledger.sql.store import Store
from notifyhub.outcome import Delivery, Receipt, Reply, Status

__all__ = ["SqlLedger"]

_QUEUED = Status.QUEUED  # a look-up in an Enum class is slow
Answer = TypeVar("Answer")

EXPIRE_AT_ONCE = 500
"""Deliveries ended in one transaction: it holds everybody else up."""


_Held: TypeAlias = tuple[int, Extent]
"""What this process has leased: under which token, and how much of it is in the ledger already."""


class SqlLedger(Standing):
    """Deliveries in a database, through the scripts beside this file.

    store: the database. sealer: seals addresses and words; without keys they are kept in clear, and a
    warning says so at start. lease: seconds.

    What is held is known by this object only: two of them are two workers to each other, even on one
    file and in one process.
    """

    durable = True

    def __init__(self, store: Store, sealer: Sealer | None = None, *, lease: float = 30.0) -> None:
        sealer = sealer or Sealer()
        super().__init__(store, sealer)
        self.lease = lease
        self._owner = owner = os.urandom(8).hex()
        self._held: dict[str, _Held] = {}
        self._claiming = 0
        self._claim_lost = False
        self._giving_back = asyncio.Lock()
        dialect = store.dialect
        # Operations of one kind are batched by the identity of these.
        self._open = Opening(sealer)
        self._claim = Claiming(owner, sealer, dialect)
        self._take_over = TakingOver(owner, sealer, dialect)
        self._give_back = GivingBack(owner)
        self._renew = Renewing()
        self._submit = Submitting(owner, sealer, dialect)
        self._record = Recording(owner, sealer, dialect)
        self._receive = Receiving(sealer, dialect)
        self._rejoin = Rejoining(sealer, dialect)
        self._hear = Hearing(sealer, dialect)
        self._gather = Gathering(owner, sealer, dialect)
        self._note = Noting(sealer, dialect)
        self._cancel = Cancelling(sealer, dialect)
        self._resolve = Resolving(sealer, dialect)
        self._expire = Expiring(sealer, dialect)
        self._forget = Forgetting(sealer)
        self._erase = Erasing(sealer, dialect)

    async def open(self, job: Job) -> Delivery:
        """See `Ledger.open`."""
        if not self._started:
            await self.start()
        if job.delivery.status is _QUEUED:
            return await self._store.write(self._open, Opened(job, row_of(job, self._sealer, None, None)))
        name, opening = self._hold(job)
        try:
            opened: Delivery = await self._store.write(self._open, opening)
        except BaseException:
            self._held.pop(name, None)
            raise
        if opened.id != name:
            del self._held[name]
        return opened

    async def enter(self, job: Job, question: Question) -> tuple[Delivery, Admission]:
        """See `Ledger.enter`."""
        if not self._started:
            await self.start()
        asked = self._asked(question)
        name, opening = self._hold(job)
        try:
            entered: Entered = await self._store.write(self._admitting, Enter(opening, asked))
        except BaseException:
            self._held.pop(name, None)
            raise
        if entered[0].id != name:
            del self._held[name]
        return entered

    def open_in(self, connection: object, job: Job) -> Delivery | Awaitable[Delivery]:
        """See `Ledger.open_in`."""
        opened = Opened(job, row_of(job, self._sealer, None, None))
        return connected(connection).run(_only(self._open([opened])))

    async def claim(
        self, limit: int, *, submitting: bool = False, delivery_id: str | None = None
    ) -> Sequence[Job]:
        """See `Ledger.claim`."""
        await self.start()
        if self._claim_lost:
            async with self._giving_back:  # nobody claims meanwhile: it would be given back as well
                await self._give_lost_back()
        claim = Claim(limit, submitting, delivery_id, self._store.now(), self._until())
        self._claiming += 1
        try:
            return self._taken(await self._store.write(self._claim, claim))
        except BaseException:
            # It may have been committed all the same: nobody sends those, so they are given back.
            self._claim_lost = True
            raise
        finally:
            self._claiming -= 1

    async def submitting(self, delivery: Delivery, instance: str) -> None:
        """See `Ledger.submitting`."""
        token, kept = self._held.get(delivery.id, (None, NOTHING))
        operation = Submission(delivery, instance, token, kept, self._store.now())
        try:
            await self._store.write(self._submit, operation)
        except LeaseLost:
            self._held.pop(delivery.id, None)
            raise
        if token is not None:
            self._held[delivery.id] = (token, extent_of(delivery))

    async def gather(self, job: Job, most: int) -> Gathered:
        """See `Ledger.gather`."""
        token, _ = self._held.get(job.id, (None, NOTHING))
        return await self._store.write(self._gather, Gather(job, token, most, self._store.now()))

    async def note(self, delivery_id: str, step: str) -> Delivery:
        """See `Ledger.note`."""
        await self.start()
        return await self._store.write(self._note, Note(delivery_id, step, self._store.now()))

    async def record(self, delivery: Delivery) -> Delivery:
        """See `Ledger.record`."""
        token, kept = self._held.get(delivery.id, (None, NOTHING))
        operation = Record(delivery, token, kept, self._store.now())
        try:
            recorded: Delivery = await self._store.write(self._record, operation)
        except LeaseLost:
            self._held.pop(delivery.id, None)
            raise
        self._held.pop(delivery.id, None)
        return recorded

    async def renew(self) -> None:
        """See `Ledger.renew`."""
        if self._held:
            until = self._until()
            rows = [(until, name, self._owner, token) for name, (token, _) in self._held.items()]
            await self._store.write(self._renew, rows)

    async def take_over(self, limit: int) -> Sequence[Job]:
        """See `Ledger.take_over`."""
        await self.start()
        claim = Claim(limit, False, None, self._store.now(), self._until())
        return self._taken(await self._store.write(self._take_over, claim))

    async def expire(self) -> Sequence[Delivery]:
        """See `Ledger.expire`."""
        await self.start()
        now = self._store.now()
        ids = await self._store.read(finding.past_deadline(now, EXPIRE_AT_ONCE))
        return await self._store.write(self._expire, Expire(ids, now)) if ids else ()

    async def changed(self, seconds: float) -> None:
        """See `Ledger.changed`."""
        await self.start()
        await self._store.changed(seconds)

    async def cancel(self, *, delivery_id: str | None = None, key: str | None = None) -> Delivery:
        """See `Ledger.cancel`."""
        await self.start()
        return await self._store.write(self._cancel, Cancel(delivery_id, key, self._store.now()))

    async def resolve(self, delivery_id: str, status: Status, step: str) -> Delivery:
        """See `Ledger.resolve`."""
        await self.start()
        return await self._store.write(self._resolve, Resolve(delivery_id, status, step, self._store.now()))

    async def receive(self, receipt: Receipt) -> tuple[Delivery | None, bool]:
        """See `Ledger.receive`."""
        await self.start()
        hint = await self._store.read(finding.by_vendor_id(receipt.provider, receipt.provider_message_id))
        received = Received(receipt, self._store.now(), hint)
        delivery, news = await self._store.write(self._receive, received)
        if delivery is None and news and self._store.dialect.barrier:
            # Parked; what was recorded in the meantime had perhaps looked for it just before.
            await self._store.read(barred(self._store.dialect))
            return await self._store.write(self._rejoin, received)
        return delivery, news

    async def hear(self, reply: Reply) -> tuple[Reply, bool]:
        """See `Ledger.hear`."""
        await self.start()
        hint = None
        if reply.provider_message_id is not None:
            hint = await self._store.read(finding.by_vendor_id(reply.provider, reply.provider_message_id))
        return await self._store.write(self._hear, Heard(reply, self._store.now(), hint))

    async def purge(self, retention: Retention, now: datetime) -> Mapping[str, int]:
        """See `Ledger.purge`."""
        await self.start()
        await self._tidy(retention, now)
        erased = dict.fromkeys(("bodies", "addresses", "deliveries"), 0)
        for what, until in forgetting.tasks(retention, now):
            if what not in erased:
                erased[what] = await self._store.write(self._forget, Forget(what, [(until,)]))
                continue
            hour = 0
            while (found := await self._store.read(forgetting.chunk(what, until, hour))).which:
                hour = found.hour
                number = await self._store.write(self._forget, Forget(what, found.which))
                erased[what] += number
                if not number:
                    break  # all of them have been taken up again meanwhile
        return erased

    async def erase(self, *, subject: str | None = None, address: str | None = None) -> int:
        """See `Ledger.erase`."""
        await self.start()
        concerned = await self._store.read(forgetting.about(subject, address, self._sealer))
        digests = forgetting.addresses_of(concerned, address, self._sealer)
        ids = [kept.id for kept in concerned]
        await self._store.write(self._erase, Erase(ids, digests, self._store.now()))
        return len(ids)

    async def aclose(self) -> None:
        """See `Ledger.aclose`."""
        try:
            await self._give_lost_back()
        finally:
            await self._store.aclose()

    async def _give_lost_back(self) -> None:
        if self._claim_lost and not self._claiming:
            await self._store.write(self._give_back, frozenset(self._held))
            self._claim_lost = False

    def _hold(self, job: Job) -> tuple[str, Opened]:
        """Its id, and what opens it under our lease."""
        delivery = job.delivery
        # Held before it is written: what is ours and not known to be held counts as a lost claim.
        self._held[delivery.id] = (1, extent_of(delivery))
        return delivery.id, Opened(job, row_of(job, self._sealer, self._owner, self._until()))

    def _until(self) -> int:
        return self._store.now() + int(self.lease * 1e6)

    def _taken(self, taken: Sequence[Taken]) -> list[Job]:
        """The jobs, held from now on."""
        for job, token in taken:
            self._held[job.id] = (token, extent_of(job.delivery))
        return [job for job, _ in taken]


def _only(script: Script[Sequence[Answer | Exception]]) -> Script[Answer]:
    """The answer of a script to its only operation."""
    (answer,) = yield from script
    if isinstance(answer, Exception):
        raise answer
    return answer
