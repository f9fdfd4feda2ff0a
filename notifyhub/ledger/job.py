"""Job: what a ledger keeps of a delivery, so that any process can carry it on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from notifyhub.address import mask
from notifyhub.category import Category, DeliveryPolicy
from notifyhub.message import Message
from notifyhub.outcome import Delivery, Status
from notifyhub.record import copier, record

__all__ = ["MOST_CLAIMS", "Backlog", "Gathered", "Job", "Query", "Retention"]

MOST_CLAIMS = 5
"""Takings up in a row that came to nothing, after which a delivery is `dead` and not given out again."""


@record
class Job:
    """A delivery with all that is needed to make its next attempt. Its repr shows nothing personal.

    delivery: as it stands; its id is the message's. message: what a provider is given.
    deadline: nothing is submitted after it. fingerprint: `who.words`, two hashes that tell one request
    from another under the same key; "" without a key. policy: a delivery policy instead of the
    category's. subject: the recipient's id, for export and erasure. instance: the provider instance
    whose submission was committed last, before its first byte, and before that the one that will be
    asked first; None when it has come to rest, or has gone back into the queue. claims: how often it was
    taken up in a row. digested: whether it is to become one message with others of its notice to the same
    address. via: the one instance that may carry it; None where the routes decide. follow_ups: queued along
    with it in the same write; told when it is opened, and not read back.
    """

    delivery: Delivery
    message: Message
    deadline: datetime
    fingerprint: str = ""
    policy: DeliveryPolicy | None = None
    subject: str | None = None
    instance: str | None = None
    claims: int = 0
    digested: bool = False
    via: str | None = None
    follow_ups: tuple[Job, ...] = ()

    @property
    def id(self) -> str:
        """The delivery's id."""
        return self.delivery.id

    def evolve(self, **changes: object) -> Job:
        """A copy with these fields changed."""
        return _copied(self, changes)

    def __repr__(self) -> str:
        delivery = self.delivery
        return f"<Job {delivery.id} {delivery.what} to {mask(delivery.address)}: {delivery.status}>"


_copied = copier(Job)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The deliveries whose words go out in one message.

    jobs: all of them in order of creation, the one that goes out among them; without those whose words were
    erased. merged: those that were only now merged into it.
    """

    jobs: tuple[Job, ...]
    merged: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for; conditions left out do not matter. The newest come first.

    address: normalised. since: created at or after. limit: at most so many.
    """

    address: str | None = None
    status: Status | None = None
    category: Category | None = None
    since: datetime | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits in a ledger. ready: queued and due. later: queued for a later time. sending: under way,
    or left behind by a process that died. next_due: the earliest time among `later`.
    """

    ready: int = 0
    later: int = 0
    sending: int = 0
    next_due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long personal data is kept after a delivery was created, in days.

    body: the words and variables (a code's are erased at its delivery's end, whatever this says).
    address: the address, replies, and what makes it searchable. delivery: everything else.
    """

    body: float = 7.0
    address: float = 30.0
    delivery: float = 180.0
