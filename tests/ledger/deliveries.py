"""Deliveries: what the ledger's tests are about, made in a line each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from notifyhub.category import Category
from notifyhub.ledger import Job
from notifyhub.message import Message, new_id
from notifyhub.outcome import Attempt, Delivery, Outcome, Receipt, Status
from notifyhub.reason import Reason

__all__ = ["ADDRESS", "OTHER_ADDRESS", "Clock", "attempted", "queued", "receipt", "sending"]

ADDRESS = "+8613800138000"
OTHER_ADDRESS = "+8613900139000"


class Clock:
    """Time that stands still until a test turns it. Called, it gives seconds since the epoch."""

    def __init__(self, now: float = 1_800_000_000.25) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def moment(self, seconds: float = 0.0) -> datetime:
        """So many seconds from now, as a time; the local zone's, for a ledger must not depend on UTC."""
        return datetime.fromtimestamp(self.now + seconds).astimezone()


def queued(
    clock: Clock,
    *,
    category: Category = Category.ORDER,
    address: str = ADDRESS,
    text: str = "Your parcel is on its way",
    due: float | None = 0.0,
    deadline: float = 3600.0,
    key: str | None = None,
    words: str = "words",
    subject: str | None = None,
    instance: str | None = "sms",
    status: Status = Status.QUEUED,
    **fields: Any,
) -> Job:
    """A delivery to be sent so many seconds from now, and before the deadline. words: of the fingerprint."""
    name = new_id()
    delivery = Delivery(
        id=name,
        status=status,
        channel="sms",
        category=category,
        address=address,
        notice="order/shipped",
        locale="zh",
        key=key,
        due=clock.moment(due) if due is not None else None,
        created_at=clock.moment(),
        steps=("rendered order/shipped",),
        **fields,
    )
    message = Message(
        id=name, channel="sms", to=address, text=text, category=category, notice="order/shipped",
        variables={"parcel": "box A7"},
    )  # fmt: skip
    return Job(
        delivery=delivery,
        message=message,
        deadline=clock.moment(deadline),
        fingerprint=f"{'f' * 32}.{words}" if key is not None else "",
        subject=subject,
        instance=instance,
    )


def sending(clock: Clock, **options: Any) -> Job:
    """A delivery that is being sent by whoever opens it."""
    return queued(clock, **{"status": Status.SENDING, "due": None, **options})


def attempted(
    delivery: Delivery,
    outcome: Outcome | str | None,
    *,
    status: Status | None = None,
    provider: str = "sms",
    due: datetime | None = None,
) -> Delivery:
    """The delivery after one attempt more. outcome: a vendor's id means accepted, None unknown."""
    if not isinstance(outcome, Outcome):
        outcome = (
            Outcome.accepted(outcome) if outcome else Outcome.unknown(Reason.TIMEOUT, detail="no answer")
        )
    number = len(delivery.attempts) + 1
    attempt = Attempt(
        delivery_id=delivery.id, number=number, provider=provider, provider_type="test",
        started_at=delivery.created_at + timedelta(seconds=number), elapsed_ms=1.5, outcome=outcome,
        allowed="done",
    )  # fmt: skip
    return delivery.evolve(
        status=status or Status(outcome.kind.value),
        provider=provider,
        provider_message_id=outcome.provider_message_id,
        reason=outcome.reason,
        due=due,
        attempts=(*delivery.attempts, attempt),
        steps=(*delivery.steps, attempt),
    )


def receipt(
    vendor_id: str, *, delivered: bool = True, address: str = ADDRESS, provider: str = "sms"
) -> Receipt:
    """A vendor's later word."""
    return Receipt(
        provider=provider, provider_message_id=vendor_id, delivered=delivered, address=address, code="DELIVRD"
    )
