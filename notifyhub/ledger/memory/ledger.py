"""MemoryLedger: the ledger's contract within one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from heapq import nlargest
from itertools import islice
from typing import Any, NoReturn

from notifyhub.errors import KeyReused, LeaseLost, UnknownDelivery, UnsupportedOperation, WrongState
from notifyhub.ledger.admission import NOTHING_TAKEN, Admission, Question
from notifyhub.ledger.exported import exported_suppression
from notifyhub.ledger.job import MOST_CLAIMS, Backlog, Gathered, Job, Query, Retention
from notifyhub.ledger.memory import privacy
from notifyhub.ledger.memory.counting import Counting
from notifyhub.ledger.memory.gathering import Gathering
from notifyhub.ledger.memory.joining import Joining
from notifyhub.ledger.memory.mailbox import ParkedReceipts, Replies
from notifyhub.ledger.memory.shelf import Kept, Shelf
from notifyhub.outcome import Delivery, Receipt, Reply, Status
from notifyhub.reason import Reason

__all__ = ["MemoryLedger"]

# Looked up for each message, and a look-up in an Enum class is slow.
_QUEUED, _SENDING = Status.QUEUED, Status.SENDING


class MemoryLedger(Counting):
    """Keeps what is queued and being sent, the newest `capacity` of what has ended, and as many receipts.

    Every method runs to its end without awaiting anything, so on one event loop each is atomic. All that
    is done with it is one holder's: it has leases, for what was claimed and then left alone, but there is
    nobody else to fence out.

    lease: seconds. clock: seconds since the epoch.
    """

    durable = False

    def __init__(
        self, capacity: int = 50_000, *, lease: float = 30.0, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(clock)
        self.lease = lease
        self._shelf = Shelf(capacity)
        self._parked = ParkedReceipts(capacity)
        self._replies = Replies(capacity)
        self._joining = Joining(self._shelf, self._parked)
        self._gathering = Gathering(self._shelf)

    async def start(self) -> None:
        """Nothing is to be got ready."""

    async def aclose(self) -> None:
        """Nothing is held open."""

    async def open(self, job: Job) -> Delivery:
        """See `Ledger.open`."""
        shelf, delivery = self._shelf, job.delivery
        name = delivery.id
        if name in shelf.held or name in shelf.waiting or name in shelf.ended:
            return shelf[name].delivery
        if delivery.key is not None:
            first = shelf.by_key.get(delivery.key)
            if first is not None:
                return _same_request(first, job)
        if delivery.status is _QUEUED:
            kept = Kept(job, None)
            shelf.groups.join(kept)
            shelf.wait(kept, self._clock())
        else:
            kept = Kept(job, self._clock() + self.lease)
            shelf.held[name] = kept
        if delivery.key is not None:
            shelf.by_key[delivery.key] = kept
        for follow_up in job.follow_ups:
            await self.open(follow_up)
        return delivery

    async def enter(self, job: Job, question: Question) -> tuple[Delivery, Admission]:
        """See `Ledger.enter`."""
        opened = await self.open(job)
        return opened, await self.admit(question) if opened.id == job.id else NOTHING_TAKEN

    def open_in(self, connection: object, job: Job) -> NoReturn:
        """Raises UnsupportedOperation: memory takes no part in anybody's transaction."""
        raise UnsupportedOperation(
            "a ledger in memory is not part of your transaction",
            field="connection",
            remedy="keep the ledger in the application's database: set `url` in [ledger]",
        )

    async def claim(
        self, limit: int, *, submitting: bool = False, delivery_id: str | None = None
    ) -> Sequence[Job]:
        """See `Ledger.claim`."""
        now = self._clock()
        self._shelf.release(now)
        jobs: list[Job] = []
        while len(jobs) < limit:
            kept = self._shelf.take(now, delivery_id)
            if kept is None:
                break
            if kept.claims >= MOST_CLAIMS:
                kept.say(Status.DEAD, f"queue: taken up {kept.claims} times and never brought to an end")
                self._shelf.end(kept)
                continue
            self._shelf.hold(kept, now + self.lease)
            if submitting and kept.instance is not None:
                kept.delivery = kept.delivery.evolve(status=_SENDING)
            if (job := kept.as_job()) is not None:  # what was erased is never left in the queue
                jobs.append(job)
        return jobs

    async def submitting(self, delivery: Delivery, instance: str) -> None:
        """See `Ledger.submitting`."""
        kept = self._shelf.held.get(delivery.id)
        if kept is not None:
            kept.delivery = self._joining.merged(kept, delivery.evolve(status=_SENDING))
            if kept.delivery.status is _SENDING:
                kept.instance = instance
                kept.place = None
                return
            self._shelf.end(kept)  # a receipt has decided it meanwhile
        self._joining.late(delivery)

    async def gather(self, job: Job, most: int) -> Gathered:
        """See `Ledger.gather`."""
        kept = self._shelf.held.get(job.id)
        if kept is None:
            raise LeaseLost(f"delivery {job.id} is not ours any more", remedy="stop working on it")
        return self._gathering.gather(kept, most, self._clock())

    async def note(self, delivery_id: str, step: str) -> Delivery:
        """See `Ledger.note`."""
        kept = self._shelf.get(delivery_id)
        if kept is None:
            raise UnknownDelivery("no such delivery", field="delivery_id")
        kept.delivery = kept.delivery.evolve(steps=(*kept.delivery.steps, step))
        kept.noted = True
        return kept.delivery

    async def record(self, delivery: Delivery) -> Delivery:
        """See `Ledger.record`."""
        kept = self._shelf.held.get(delivery.id)
        if kept is None:
            self._joining.late(delivery)
        kept.delivery = merged = self._joining.merged(kept, delivery)
        if merged.status is _QUEUED:
            self._shelf.put_back(kept, self._clock())
        else:
            self._shelf.end(kept)
        return merged

    async def renew(self) -> None:
        """See `Ledger.renew`."""
        until = self._clock() + self.lease
        for kept in self._shelf.held.values():
            kept.place, kept.until = None, until  # also where it had run out and nobody had taken it

    async def take_over(self, limit: int) -> Sequence[Job]:
        """See `Ledger.take_over`."""
        now = self._clock()
        jobs: list[Job] = []
        for kept in [k for k in self._shelf.held.values() if k.delivery.status is _SENDING and k.lapsed(now)]:
            if len(jobs) == limit:
                break
            kept.until = now + self.lease
            if (job := kept.as_job()) is not None:
                jobs.append(job)
                continue
            kept.say(Status.UNKNOWN, "recovery: its words were erased while it was sent", Reason.INTERRUPTED)
            self._shelf.end(kept)
        return jobs

    async def expire(self) -> Sequence[Delivery]:
        """See `Ledger.expire`."""
        now = self._clock()
        self._shelf.release(now)
        late = self._shelf.late(now)
        for kept in late:
            self._shelf.give_up(kept, Status.EXPIRED, "deadline: passed while it was queued")
            self._gathering.release(kept.delivery, now)
        return [kept.delivery for kept in late]

    async def overdue(self, seconds: float, limit: int) -> Sequence[tuple[str, int]]:
        """See `Ledger.overdue`."""
        now = self._clock()
        self._shelf.release(now)
        lost = (kept.delivery for kept in self._shelf.queue.due(now - seconds))
        return [(delivery.id, delivery.category.priority) for delivery in islice(lost, limit)]

    async def backlog(self) -> Backlog:
        """See `Ledger.backlog`."""
        at = datetime.fromtimestamp(self._clock(), UTC)
        due = [k.delivery.due for k in self._shelf.waiting.values() if k.delivery.due is not None]
        later = [each for each in due if each > at]
        held = [kept.delivery.status for kept in self._shelf.held.values()]
        return Backlog(
            ready=len(self._shelf.waiting) - len(later) + held.count(_QUEUED),
            later=len(later),
            sending=held.count(_SENDING),
            next_due=min(later, default=None),
        )

    async def changed(self, seconds: float) -> None:
        """See `Ledger.changed`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._shelf.queued.wait()
        self._shelf.queued.clear()

    async def cancel(self, *, delivery_id: str | None = None, key: str | None = None) -> Delivery:
        """See `Ledger.cancel`."""
        self._shelf.release(self._clock())
        kept = self._shelf.by_key.get(key) if key is not None else self._shelf.get(delivery_id or "")
        if kept is None:
            raise UnknownDelivery("no such delivery", field="delivery_id" if key is None else "key")
        if kept.place is None and kept.delivery.status is not Status.CANCELLED:
            raise WrongState(
                f"it is {kept.delivery.status}"
                + (" and taken up" if kept.delivery.status is _QUEUED else ""),
                field="status",
                remedy="only what is queued and not taken up yet can be cancelled",
            )
        if kept.place is not None:
            self._shelf.give_up(kept, Status.CANCELLED, "cancelled: nothing is submitted any more")
            self._gathering.release(kept.delivery, self._clock())
        return kept.delivery

    async def resolve(self, delivery_id: str, status: Status, step: str) -> Delivery:
        """See `Ledger.resolve`."""
        kept = self._shelf.get(delivery_id)
        if kept is None:
            raise UnknownDelivery("no such delivery", field="delivery_id")
        if kept.delivery.status not in (Status.UNKNOWN, Status.DEAD):
            raise WrongState(
                f"it is {kept.delivery.status}",
                field="status",
                remedy="only what is unknown or dead is for an operator to resolve",
            )
        kept.say(status, step)
        return kept.delivery

    async def get(self, delivery_id: str) -> Delivery | None:
        """See `Ledger.get`."""
        kept = self._shelf.get(delivery_id)
        return kept.delivery if kept is not None else None

    async def job(self, delivery_id: str) -> Job | None:
        """See `Ledger.job`."""
        kept = self._shelf.get(delivery_id)
        return kept.as_job() if kept is not None else None

    async def by_key(self, key: str) -> Delivery | None:
        """See `Ledger.by_key`."""
        kept = self._shelf.by_key.get(key)
        return kept.delivery if kept is not None else None

    async def find(self, provider: str, provider_message_id: str) -> Delivery | None:
        """See `Ledger.find`."""
        kept = self._shelf.by_vendor_id.get((provider, provider_message_id))
        return kept.delivery if kept is not None else None

    async def search(self, query: Query) -> Sequence[Delivery]:
        """See `Ledger.search`."""
        fitting = (kept.delivery for kept in self._shelf if _fits(query, kept.delivery))
        return nlargest(query.limit, fitting, key=lambda delivery: (delivery.created_at, delivery.id))

    async def receive(self, receipt: Receipt) -> tuple[Delivery | None, bool]:
        """See `Ledger.receive`."""
        kept = self._shelf.by_vendor_id.get((receipt.provider, receipt.provider_message_id))
        if kept is None:
            return None, self._parked.park(receipt, self._clock())
        if kept.delivery.address != receipt.address:
            return None, False
        news = self._joining.receipt(kept, receipt)
        return kept.delivery, news

    async def hear(self, reply: Reply) -> tuple[Reply, bool]:
        """See `Ledger.hear`."""
        if reply.provider_message_id is not None:
            delivery = await self.find(reply.provider, reply.provider_message_id)
            if delivery is not None and delivery.address == reply.address:
                reply = replace(reply, delivery_id=delivery.id)
        return reply, self._replies.hear(reply, self._clock())

    async def purge(self, retention: Retention, now: datetime) -> Mapping[str, int]:
        """See `Ledger.purge`."""
        self._tidy(now, retention.delivery)
        return privacy.purge(self._shelf, self._parked, self._replies, retention, now)

    async def export(
        self, *, subject: str | None = None, address: str | None = None
    ) -> Sequence[dict[str, Any]]:
        """See `Ledger.export`."""
        concerned = privacy.about(self._shelf, subject=subject, address=address)
        entries = self._entries_of({address, *(kept.delivery.address for kept in concerned)})
        return [
            *privacy.export(concerned, self._replies, address=address),
            *map(exported_suppression, entries),
        ]

    async def erase(self, *, subject: str | None = None, address: str | None = None) -> int:
        """See `Ledger.erase`."""
        concerned = privacy.about(self._shelf, subject=subject, address=address)
        for kept in concerned:
            if kept.delivery.status is _QUEUED:
                self._shelf.give_up(kept, Status.CANCELLED, "cancelled: the person's data was erased")
        self._blank_entries_of({address, *(kept.delivery.address for kept in concerned)})
        privacy.erase(concerned, self._parked, self._replies, address=address)
        return len(concerned)


def _fits(query: Query, delivery: Delivery) -> bool:
    return (
        (query.address is None or query.address == delivery.address)
        and (query.status is None or query.status is delivery.status)
        and (query.category is None or query.category is delivery.category)
        and (query.since is None or query.since <= delivery.created_at)
    )


def _same_request(first: Kept, job: Job) -> Delivery:
    if first.fingerprint == job.fingerprint:
        return first.delivery
    raise KeyReused(
        "this idempotency key stands for another request",
        field="key",
        remedy="use a new key, or send exactly the same again to get the first delivery",
    )
