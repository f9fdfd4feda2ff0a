"""Resting: how a delivery stands when nobody is at it any more: back in the queue, put off, or uncertain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from notifyhub.category import DeliveryPolicy
from notifyhub.ledger import Job
from notifyhub.outcome import Attempt, Delivery, Outcome, Status
from notifyhub.reason import Reason
from notifyhub.routing import Path
from notifyhub.sequel import WAITED, may_go_on

__all__ = ["after_interruption", "cut_off", "put_back", "put_off", "queued"]


def cut_off(job: Job, path: Path | None, why: str) -> Delivery:
    """A delivery that was being submitted when its sender ended: it may have gone.

    path: None where nothing is configured any more that could carry it. why: what became of its sender.
    """
    delivery, instance = job.delivery, job.instance or "?"
    attempt = Attempt(
        delivery_id=delivery.id,
        number=len(delivery.attempts) + 1,
        provider=instance,
        provider_type=next((i.type for i in path.instances if i.name == instance), "?") if path else "?",
        started_at=datetime.now(UTC),
        elapsed_ms=0.0,
        outcome=Outcome.unknown(Reason.INTERRUPTED, detail=why),
        allowed="nobody saw how it ended",
    )
    uncertain = delivery.evolve(
        status=Status.UNKNOWN,
        attempts=(*delivery.attempts, attempt),
        steps=(*delivery.steps, attempt),
    )
    if delivery.copies:  # the first uncertain attempt goes on to tell what it is
        return uncertain
    return uncertain.evolve(provider=instance, reason=Reason.INTERRUPTED)


def put_off(job: Job, delivery: Delivery, *, waits: bool) -> Delivery:
    """A deferred delivery goes into the queue, unless it would be too late then. waits: there is a queue."""
    if delivery.status is not Status.DEFERRED or delivery.due is None or not waits:
        return delivery
    if delivery.due >= job.deadline:
        step = "deadline: it passes before then"
        return delivery.evolve(status=Status.EXPIRED, due=None, steps=(*delivery.steps, step))
    return delivery.evolve(status=Status.QUEUED)


def after_interruption(job: Job, delivery: Delivery, path: Path, policy: DeliveryPolicy) -> Delivery:
    """A delivery whose sender was cut off: back into the queue where its category lets it go on."""
    if delivery.status not in (Status.NOT_SENT, Status.REFUSED, Status.UNKNOWN):
        return delivery
    if datetime.now(UTC) >= job.deadline:
        goes_on, words = False, "deadline: passed, no attempt may follow"
    else:
        goes_on, words = may_go_on(delivery, path, policy)
    if not goes_on:
        return delivery.evolve(steps=(*delivery.steps, words))
    return queued(delivery, 0, f"queue: {words}")


def put_back(job: Job, sent: Delivery, pause: float | None) -> Delivery:
    """What nobody took, back in the queue for so long; None, or beyond its deadline, is not at all."""
    if pause is None or datetime.now(UTC) + timedelta(seconds=pause) >= job.deadline:
        return sent
    step = f"{WAITED}{pause:g} s"
    if len(sent.attempts) == len(job.delivery.attempts):
        # Nobody was asked. One line tells that, however often it comes to it.
        return queued(job.delivery, pause, f"{step}: nobody can be asked now, {sent.reason}")
    return queued(sent, pause, step)


def queued(delivery: Delivery, seconds: float, step: str) -> Delivery:
    """A delivery in the queue, due in so many seconds; step: why."""
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    return delivery.evolve(status=Status.QUEUED, due=due, steps=(*delivery.steps, step))
