"""Shelf: the deliveries in memory, by id, by key and by the vendors' ids."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from notifyhub.category import Category
from notifyhub.ledger.grouping import group_of
from notifyhub.ledger.job import Job
from notifyhub.ledger.memory.groups import Groups
from notifyhub.ledger.memory.queue import Queue
from notifyhub.outcome import Attempt, Status
from notifyhub.reason import Reason

__all__ = ["Kept", "Shelf"]

# Looked up for each message, and a look-up in an Enum class is slow.
_OTP, _QUEUED = Category.OTP, Status.QUEUED


class Kept:
    """One delivery. job: as it was opened, for what never changes; None once its words were erased.

    until: when its lease runs out, epoch seconds; None while nobody holds it. place: its place in the
    queue, while it waits there. group: with what it may become one message, if anything. noted: whether
    others than its holder have added steps. The rest is as in `Job`.
    """

    __slots__ = (
        "claims", "delivery", "fingerprint", "group", "instance", "job", "noted", "place", "subject", "until",
    )  # fmt: skip

    def __init__(self, job: Job, until: float | None) -> None:
        self.delivery = job.delivery
        self.job: Job | None = job
        self.fingerprint = job.fingerprint
        self.subject = job.subject
        self.instance = job.instance
        self.claims = job.claims
        self.until = until
        self.place: int | None = None
        self.noted = False
        # A resend says again what went into the former one, and gathers nothing else.
        apart = not job.digested or job.delivery.resend_of is not None
        self.group = None if apart else group_of(job.delivery)

    def lapsed(self, now: float) -> bool:
        """Whether its lease ran out."""
        return self.until is not None and self.until <= now

    def due_at(self, now: float) -> float:
        """When it is due, epoch seconds: now, where nothing was said."""
        due = self.delivery.due
        return now if due is None else due.timestamp()

    def too_late(self, now: float) -> bool:
        """Whether its deadline has passed."""
        return self.job is not None and self.job.deadline.timestamp() <= now

    def as_job(self) -> Job | None:
        """The delivery as it stands with what it is to send."""
        if self.job is None:
            return None
        return self.job.evolve(delivery=self.delivery, instance=self.instance, claims=self.claims)

    def say(self, status: Status, step: str, reason: Reason | None = None) -> None:
        """Bring it to this status, for the reason that the step tells."""
        delivery = self.delivery
        reason = reason or delivery.reason
        self.delivery = delivery.evolve(status=status, reason=reason, steps=(*delivery.steps, step))

    def blank(self) -> None:
        """Forget whom it was about and what was said."""
        self.job = self.subject = None
        receipts = tuple(replace(receipt, address="") for receipt in self.delivery.receipts)
        self.delivery = self.delivery.evolve(address="", receipts=receipts)


class Shelf:
    """Deliveries in three places: waiting in the queue, held under a lease, and ended.

    At most `capacity` ended ones are kept, the oldest make room; the others are never forgotten.
    queued: set whenever something was put into the queue.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.queue: Queue[Kept] = Queue()
        self.queued = asyncio.Event()
        self.groups = Groups()
        self.waiting: dict[str, Kept] = {}
        self.held: dict[str, Kept] = {}
        self.ended: OrderedDict[str, Kept] = OrderedDict()
        self.by_key: dict[str, Kept] = {}
        self.by_vendor_id: dict[tuple[str, str], Kept] = {}

    def get(self, delivery_id: str) -> Kept | None:
        """The delivery with this id, wherever it is."""
        return self.held.get(delivery_id) or self.waiting.get(delivery_id) or self.ended.get(delivery_id)

    def __getitem__(self, delivery_id: str) -> Kept:
        kept = self.get(delivery_id)
        if kept is None:
            raise KeyError(delivery_id)
        return kept

    def __iter__(self) -> Iterator[Kept]:
        return chain(self.waiting.values(), self.held.values(), self.ended.values())

    def take(self, now: float, delivery_id: str | None) -> Kept | None:
        """What is due and nobody's: this one, or else what is to go first. What is too late is left alone.

        Of those that are to become one message one is given out at a time.
        """
        if delivery_id is not None:
            kept = self.get(delivery_id)
            if kept is None or kept.place is None or kept.due_at(now) > now or kept.too_late(now):
                return None
            return None if kept.group is not None and self.groups.blocks(kept, now) else kept
        aside: list[Kept] = []
        while (kept := self.queue.take(now)) is not None:
            if kept.too_late(now):
                continue
            if kept.group is None or not self.groups.blocks(kept, now):
                break
            aside.append(kept)
        for each in aside:
            each.place = self.queue.put(each, each.delivery.category.priority, each.due_at(now))
        return kept

    def wait(self, kept: Kept, now: float) -> None:
        """Put it into the queue, for nobody, until it is due."""
        delivery = kept.delivery
        self.held.pop(delivery.id, None)
        self.waiting[delivery.id] = kept
        kept.until = None
        self._line_up(kept, now)

    def _line_up(self, kept: Kept, now: float) -> None:
        kept.place = self.queue.put(kept, kept.delivery.category.priority, kept.due_at(now))
        self.queued.set()

    def hold(self, kept: Kept, until: float) -> None:
        """Take it out of the queue, under a new lease."""
        self.waiting.pop(kept.delivery.id, None)
        self.held[kept.delivery.id] = kept
        kept.claims += 1
        kept.place = None
        kept.until = until

    def end(self, kept: Kept) -> None:
        """Put it to what has ended; what waits there longest makes room. A code's words go at once."""
        delivery = kept.delivery
        name, ended = delivery.id, self.ended
        if self.held.pop(name, None) is None:
            self.waiting.pop(name, None)
        kept.place = kept.until = kept.instance = None
        if kept.group is not None:
            self.groups.leave(kept)
        if delivery.category is _OTP:
            kept.job = None
        ended[name] = kept
        if len(ended) > self._capacity:
            self.forget(next(iter(ended.values())))

    def put_back(self, kept: Kept, now: float) -> None:
        """Its holder puts it back into the queue, unless there is nothing to send any more."""
        if kept.job is None:
            self.give_up(kept, Status.CANCELLED, "cancelled: the person's data was erased")
        else:
            kept.claims, kept.instance = 0, None
            self.wait(kept, now)

    def give_up(self, kept: Kept, status: Status, step: str) -> None:
        """End what is queued; where a copy may be out, nobody can say that nothing went."""
        kept.say(Status.UNKNOWN if kept.delivery.copies else status, step)
        self.end(kept)

    def release(self, now: float) -> None:
        """Let others have what was claimed and not renewed; it stays with its holder until somebody takes it.

        What is being sent is not given out again but taken over.
        """
        held = self.held.values()
        for kept in [k for k in held if k.delivery.status is _QUEUED and k.place is None and k.lapsed(now)]:
            self._line_up(kept, now)

    def late(self, now: float) -> list[Kept]:
        """What is nobody's and past its deadline."""
        lapsed = (kept for kept in self.held.values() if kept.place is not None)
        return [kept for kept in chain(self.waiting.values(), lapsed) if kept.too_late(now)]

    def forget(self, kept: Kept) -> None:
        """Remove an ended delivery with its key and the vendors' ids."""
        delivery = kept.delivery
        del self.ended[delivery.id]
        self.groups.led.pop(delivery.id, None)
        if delivery.key is not None:
            self.by_key.pop(delivery.key, None)
        late = [step for step in delivery.steps if isinstance(step, Attempt)]
        for attempt in chain(delivery.attempts, late):
            self.by_vendor_id.pop((attempt.provider, attempt.outcome.provider_message_id or ""), None)
