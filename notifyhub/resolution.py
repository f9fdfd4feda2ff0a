"""Resolution: an operator's word on a delivery of which only people can say what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from notifyhub.category import DeliveryPolicy
from notifyhub.errors import NotificationError, UnknownDelivery, WrongState, nearest
from notifyhub.ledger import Job, Ledger
from notifyhub.message import new_id
from notifyhub.outcome import Delivery, Status

__all__ = ["Verdict", "resolve"]

_RESOLVABLE = (Status.UNKNOWN, Status.DEAD)


class Verdict(StrEnum):
    """What an operator may say of an `unknown` or `dead` delivery."""

    DELIVERED = "delivered"
    FAILED = "failed"
    RESEND = "resend"
    """It counts as failed, and a new delivery that names it sends the same words again."""


async def resolve(
    ledger: Ledger,
    delivery_id: str,
    verdict: Verdict | str,
    *,
    why: str,
    by: str,
    policy_of: Callable[[Job], DeliveryPolicy],
) -> tuple[Delivery, Delivery | None]:
    """The delivery after the word, and the new one if it is sent again (queued, at once, and once only).

    why, by: kept among the steps. Raises UnknownDelivery, WrongState for a delivery whose fate is known
    or whose words are erased, NotificationError for an unknown verdict or no reason.
    """
    if verdict not in list(Verdict):
        raise NotificationError("unknown verdict", field="as", remedy=nearest(str(verdict), Verdict))
    why = " ".join(why.split())
    if not why:
        raise NotificationError("is empty", field="why", remedy="say how you know")
    said = f"operator: {by} says {verdict}: {why}"
    if verdict == Verdict.DELIVERED:
        return await ledger.resolve(delivery_id, Status.DELIVERED, said), None
    if verdict == Verdict.FAILED:
        return await ledger.resolve(delivery_id, Status.UNDELIVERED, said), None
    asked = await _again(ledger, delivery_id, said, policy_of)
    # Under a key of its own: said twice, by an impatient operator or by two, it is sent once.
    again = await ledger.open(asked)
    try:
        former = await ledger.resolve(delivery_id, Status.UNDELIVERED, f"{said}; sent again as {again.id}")
    except WrongState:
        if again.id == asked.id:
            # A receipt came in between: then nothing is to be sent again.
            await ledger.cancel(delivery_id=again.id)
        raise
    return former, again


async def _again(
    ledger: Ledger, delivery_id: str, said: str, policy_of: Callable[[Job], DeliveryPolicy]
) -> Job:
    former = await ledger.get(delivery_id)
    if former is None:
        raise UnknownDelivery("no such delivery", field="delivery_id")
    if former.status not in _RESOLVABLE:
        raise WrongState(
            f"is {former.status}", field=delivery_id, remedy="only what is unknown or dead can be sent again"
        )
    job = await ledger.job(delivery_id)
    if job is None:
        raise WrongState("its words are erased", field=delivery_id, remedy="send anew from the application")
    now, name = datetime.now(UTC), new_id()
    message = job.message
    if message.expires_at is not None and message.expires_at <= now:
        raise WrongState("it has expired", field=delivery_id, remedy="send anew from the application")
    delivery = former.evolve(
        id=name, status=Status.QUEUED, key=f"resend:{former.id}", resend_of=former.id, created_at=now,
        escalates=None, provider=None, provider_message_id=None, reason=None, detail=None, due=None,
        attempts=(), receipts=(), steps=(f"resend of {former.id}: {said}",),
    )  # fmt: skip
    return Job(
        delivery=delivery,
        message=message.evolve(id=name),
        deadline=policy_of(job).ends(now, message.expires_at),
        fingerprint=f"{former.id}.resend",
        policy=job.policy,
        subject=job.subject,
        instance=None if job.digested else job.instance,
        digested=job.digested,
    )
