"""What became of a message: each attempt's outcome, the delivery they add up to, the vendor's later word."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from notifyhub.address import mask
from notifyhub.category import Category
from notifyhub.errors import DeliveryFailed
from notifyhub.reason import REASONS, Reason
from notifyhub.record import copier, record

__all__ = [
    "Attempt",
    "Delivery",
    "Outcome",
    "OutcomeKind",
    "Receipt",
    "Reply",
    "Status",
    "TemplateReview",
]


class OutcomeKind(StrEnum):
    """The four things an attempt can come to."""

    ACCEPTED = "accepted"
    """The vendor has taken the message for sending (it is not delivered yet)."""
    REFUSED = "refused"
    """The vendor said no: nothing went out."""
    NOT_SENT = "not_sent"
    """There is proof that nothing left this machine."""
    UNKNOWN = "unknown"
    """It may have gone out. Everything that cannot be classified is this."""

    __hash__ = str.__hash__  # Enum's own is written in Python, and these are keys on the hot path


# Looked up for each attempt, and a look-up in an Enum class is slow.
_ACCEPTED, _UNKNOWN = OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt's result. Made by `accepted`, `refused`, `not_sent` and `unknown`.

    provider_message_id: the vendor's id, when accepted. reason: why, when not accepted.
    code, detail: the vendor's own code and words; never the address, the text or a secret.
    retry_after: seconds after which the vendor says another try makes sense.
    parts: message parts the vendor bills; price: estimated, in the account's currency.
    """

    kind: OutcomeKind
    reason: Reason | None = None
    provider_message_id: str | None = None
    code: str | None = None
    detail: str | None = None
    retry_after: float | None = None
    parts: int | None = None
    price: float | None = None

    def __post_init__(self) -> None:
        if (self.kind is OutcomeKind.ACCEPTED) == (self.reason is not None):
            raise ValueError("an accepted outcome has no reason, every other outcome has one")

    @classmethod
    def accepted(
        cls,
        provider_message_id: str | None = None,
        *,
        code: str | None = None,
        detail: str | None = None,
        parts: int | None = None,
        price: float | None = None,
    ) -> Outcome:
        """The vendor took the message."""
        return cls(OutcomeKind.ACCEPTED, None, provider_message_id, code, detail, None, parts, price)

    @classmethod
    def refused(
        cls,
        reason: Reason,
        *,
        code: str | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
    ) -> Outcome:
        """The vendor, or a check before the network, said no: nothing went out."""
        return cls(OutcomeKind.REFUSED, reason, None, code, detail, retry_after)

    @classmethod
    def not_sent(cls, reason: Reason = Reason.UNREACHABLE, *, detail: str | None = None) -> Outcome:
        """Nothing left this machine, provably."""
        return cls(OutcomeKind.NOT_SENT, reason, None, None, detail)

    @classmethod
    def unknown(
        cls,
        reason: Reason,
        *,
        code: str | None = None,
        detail: str | None = None,
        provider_message_id: str | None = None,
    ) -> Outcome:
        """It may have gone out."""
        return cls(OutcomeKind.UNKNOWN, reason, provider_message_id, code, detail)

    @property
    def may_have_gone(self) -> bool:
        """Whether a copy may be on its way: accepted or unknown."""
        return self.kind is _ACCEPTED or self.kind is _UNKNOWN

    def __str__(self) -> str:
        words = [self.kind.value]
        if self.reason:
            words.append(self.reason.value)
        if self.code:
            words.append(f"code {self.code}")
        if self.detail:
            words.append(f"“{self.detail}”")
        return " · ".join(words)


@record
class Attempt:
    """One submission to one instance.

    delivery_id: whose attempt. number: from 1. provider: the instance's name. provider_type: its type's.
    started_at: aware, UTC. elapsed_ms: wall time of the provider's `send`, milliseconds.
    allowed: what the outcome allowed to follow, in words.
    """

    delivery_id: str
    number: int
    provider: str
    provider_type: str
    started_at: datetime
    elapsed_ms: float
    outcome: Outcome
    allowed: str

    def __str__(self) -> str:
        came_to = f"{self.provider} in {self.elapsed_ms:.0f} ms: {self.outcome}"
        return f"attempt {self.number}: {came_to} ⇒ {self.allowed}"


class Status(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    """Kept by the ledger, to be sent at `due` by a worker."""
    SENDING = "sending"
    """Committed before the first byte; after a crash it becomes `unknown`, or is carried on."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"
    DEFERRED = "deferred"
    """A policy said later, and the ledger is one that forgets: nobody will send it."""
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    MERGED = "merged"
    """Its words went into another delivery, a digest, which its last step names; that one's status tells."""
    DEAD = "dead"
    """Claimed too often without coming to an end: something about it breaks whoever takes it up."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"

    __hash__ = str.__hash__  # Enum's own is written in Python, and these are keys on the hot path

    @property
    def is_final(self) -> bool:
        """Whether nothing is submitted any more; a receipt or an operator may still change it."""
        return self not in _UNFINISHED

    def after(self, said: Status) -> Status:
        """What it becomes when a delivery in this status is said to be in that one.

        It rises and never falls: delivered > undelivered > accepted > unknown > everything else.
        """
        return said if _RANK.get(said, 0) >= _RANK.get(self, 0) else self


_RANK = {Status.UNKNOWN: 1, Status.ACCEPTED: 2, Status.UNDELIVERED: 3, Status.DELIVERED: 4}
_UNFINISHED = frozenset({Status.QUEUED, Status.SENDING})
_GOOD = frozenset({Status.ACCEPTED, Status.DELIVERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The vendor's later word on an accepted message (回执).

    provider: the instance it came to. delivered: True, or False for "could not be delivered".
    address: the number as pushed, normalised; not in the repr. code, detail: the vendor's own.
    reported_at: aware; when the vendor says it happened. delivery_id: whose, once matched.
    """

    provider: str
    provider_message_id: str
    delivered: bool
    address: str = field(repr=False)
    code: str | None = None
    detail: str | None = None
    reported_at: datetime | None = None
    delivery_id: str | None = None

    def same_news(self, other: Receipt) -> bool:
        """Whether this is a repetition: vendors push a receipt again until they like the answer."""
        return (
            self.provider == other.provider
            and self.provider_message_id == other.provider_message_id
            and self.address == other.address
            and self.delivered == other.delivered
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a person answered (上行). The text and the address are not in the repr.

    provider_message_id: the vendor's hint at the message answered; may be absent or wrong.
    delivery_id: whose, when the hint and the number both match a delivery.
    """

    provider: str
    address: str = field(repr=False)
    text: str = field(repr=False)
    provider_message_id: str | None = None
    received_at: datetime | None = None
    delivery_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateReview:
    """The vendor's verdict on a registered template."""

    provider: str
    template_id: str
    approved: bool
    detail: str | None = None


@record
class Delivery:
    """What `send` returns and the ledger keeps: a snapshot; `hub.delivery(id)` gives the newest.

    status: see `Status`. attempts, receipts: in order. steps: every decision in order, as sentences with
    the attempts among them. provider, provider_message_id: of the attempt that was accepted, else of the
    uncertain one, else of the last. reason: why it is not accepted. detail: a policy's words when it was
    suppressed or deferred, or which digest it is merged into. due: when it is to be sent, if queued or
    deferred. address: whole, not in the repr, and empty once it was erased; `to` is the masked one.
    resend_of: the delivery that an operator had sent again. escalates: the delivery that this one follows
    where it is not delivered in time.
    """

    id: str
    status: Status
    channel: str
    category: Category
    address: str = field(repr=False)
    notice: str | None = None
    locale: str | None = None
    key: str | None = None
    provider: str | None = None
    provider_message_id: str | None = None
    reason: Reason | None = None
    detail: str | None = None
    due: datetime | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    attempts: tuple[Attempt, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    steps: tuple[str | Attempt, ...] = field(default=(), repr=False)
    resend_of: str | None = None
    escalates: str | None = None

    @property
    def copies(self) -> int:
        """How many copies may be out: attempts that were accepted or are uncertain."""
        return sum(attempt.outcome.may_have_gone for attempt in self.attempts)

    @property
    def to(self) -> str:
        """The address as people may see it: ``138****8000``."""
        return mask(self.address)

    @property
    def ok(self) -> bool:
        """Whether a vendor has taken the message and nothing worse is known since."""
        return self.status in _GOOD

    def raise_for_status(self) -> Delivery:
        """Return this delivery when it is accepted or delivered, else raise DeliveryFailed."""
        if self.ok:
            return self
        why = self.detail or (REASONS[self.reason].meaning if self.reason else "")
        raise DeliveryFailed(f"{self.what} to {self.to} is {self.status}{f': {why}' if why else ''}", self)

    @property
    def what(self) -> str:
        """The notice's name, or `text`."""
        return self.notice or "text"

    def explain(self) -> str:
        """Every decision in order, a line each."""
        head = f"{self.id} {self.what} ({self.category}) by {self.channel} to {self.to}: {self.status}"
        return "\n".join([head, *(f"  {number:>2}. {step}" for number, step in enumerate(self.steps, 1))])

    def with_receipt(self, receipt: Receipt) -> Delivery:
        """This delivery after a receipt: the status may rise, never fall."""
        status = self.status
        if receipt.delivered:
            status = Status.DELIVERED
        elif status is not Status.DELIVERED:
            status = Status.UNDELIVERED
        said = "delivered" if receipt.delivered else "not delivered"
        step = f"receipt: {receipt.provider} says {said}, status {self.status} → {status}"
        return self.evolve(status=status, receipts=(*self.receipts, receipt), steps=(*self.steps, step))

    def evolve(self, **changes: Any) -> Delivery:
        """A copy with these fields changed."""
        return _copied(self, changes)


_copied = copier(Delivery)
