"""What the hub and its workers ask of a ledger, whatever keeps it.

The ledger owns the truth about deliveries: their state, what is needed to carry them on, the keys they
were asked for under, and the receipts that came for them. Its rules, which one suite of tests holds
every ledger to (`tests/ledger/`):

- What a method returned from is kept: a process killed right after it finds it again.
- Whoever takes a delivery up holds a *lease* on it: it is theirs until the lease runs out unrenewed,
  and each taking up counts a fencing token up. A write under an older token changes no state: it
  raises LeaseLost, and what it saw is kept among the delivery's steps.
- A status raised by a receipt is never lowered (`Status.after`); attempts and steps are only appended.
- The body of a code (category otp) is erased in the same write that ends its delivery.

Every method raises LedgerUnavailable when the store cannot be used now, and then changed nothing, or
(where the connection broke in a commit) can be called again with the same arguments.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from notifyhub.ledger.job import Backlog, Job, Query, Retention
from notifyhub.outcome import Delivery, Receipt, Reply, Status

__all__ = ["Ledger"]


class Ledger(Protocol):
    """Memory of deliveries, idempotency keys and receipts."""

    durable: bool
    """Whether what is kept outlives the process."""
    lease: float
    """Seconds after which a delivery that nobody renews is taken from its holder."""

    async def start(self) -> None:
        """Get ready; harmless when it is already. Called by every other method that needs it.

        Raises SchemaError where the tables are missing, older or newer than this code.
        """
        ...

    async def open(self, job: Job) -> Delivery:
        """Keep a new delivery, `queued` or (with `job.instance` named, and leased to us) `sending`.

        If its key is known, nothing is kept and the first delivery under that key is returned instead.
        Raises KeyReused when the key stands for another request.
        """
        ...

    def open_in(self, connection: object, job: Job) -> Delivery | Awaitable[Delivery]:
        """`open` a queued delivery within the transaction that the caller has open on this connection.

        It is kept if, and only if, the caller commits. Synchronous connections are used in the calling
        thread; for asynchronous ones the result is to be awaited. Raises UnsupportedOperation for a
        connection it cannot use, and in memory.
        """
        ...

    async def claim(
        self, limit: int, *, submitting: bool = False, delivery_id: str | None = None
    ) -> Sequence[Job]:
        """Take up to `limit` queued deliveries that are due, the most urgent first, under a new lease.

        Or only `delivery_id`, if it is queued, due and nobody's. submitting: they go straight to
        `sending` to the instance they name (the caller sends at once), else, and where they name none
        because they were taken up before, they stay `queued` but are leased. Also taken: queued ones
        whose holder's lease ran out. A delivery that was claimed `MOST_CLAIMS` times in a row is not given
        out again but becomes `dead`; what is past its deadline is left to `expire`.
        """
        ...

    async def submitting(self, delivery: Delivery, instance: str) -> None:
        """Commit, before the first byte, that the delivery is being submitted to this instance.

        Its attempts and steps so far are kept along. Raises LeaseLost.
        """
        ...

    async def record(self, delivery: Delivery) -> Delivery:
        """Keep the newest state and give the lease back; join receipts that came too early.

        With status `queued` it goes back into the queue until `due`. Returns what is kept now. Raises
        LeaseLost, after keeping what was seen among the steps, and UnknownDelivery.
        """
        ...

    async def renew(self) -> None:
        """Prolong every lease we hold."""
        ...

    async def take_over(self, limit: int) -> Sequence[Job]:
        """Take up to `limit` deliveries that are `sending` under a lease that ran out; they are ours now.

        They stay `sending`, and `job.instance` says to whom it may have gone: the caller decides what
        follows and calls `record`.
        """
        ...

    async def expire(self) -> Sequence[Delivery]:
        """End what is queued, nobody's and past its deadline.

        It becomes `expired`, or `unknown` if a copy may be out.
        """
        ...

    async def overdue(self, seconds: float, limit: int) -> Sequence[tuple[str, int]]:
        """Ids and priorities of what has been due for so long and nobody took up: a dispatcher lost them."""
        ...

    async def backlog(self) -> Backlog:
        """What waits."""
        ...

    async def changed(self, seconds: float) -> None:
        """Return when something may have been queued (by anybody), or after so many seconds."""
        ...

    async def cancel(self, *, delivery_id: str | None = None, key: str | None = None) -> Delivery:
        """Cancel what is queued and not taken up; `unknown` if a copy may be out.

        Raises UnknownDelivery, and WrongState once it is under way.
        """
        ...

    async def resolve(self, delivery_id: str, status: Status, step: str) -> Delivery:
        """An operator's word on an `unknown` or `dead` delivery; `step` says who and why. Raises
        UnknownDelivery, and WrongState for any other status.
        """
        ...

    async def get(self, delivery_id: str) -> Delivery | None:
        """The newest state of a delivery."""
        ...

    async def job(self, delivery_id: str) -> Job | None:
        """A delivery with what it was to send; None too where its body has been erased."""
        ...

    async def by_key(self, key: str) -> Delivery | None:
        """The delivery under this idempotency key."""
        ...

    async def find(self, provider: str, provider_message_id: str) -> Delivery | None:
        """The delivery that this instance knows by its own id."""
        ...

    async def search(self, query: Query) -> Sequence[Delivery]:
        """The deliveries that fit, the newest first."""
        ...

    async def receive(self, receipt: Receipt) -> tuple[Delivery | None, bool]:
        """Take a receipt in: the delivery after it, and whether it was news.

        Id **and** number must match; where the id is not known yet the receipt is parked and joined
        by `record`. (None, True) is parked, (None, False) ignored.
        """
        ...

    async def hear(self, reply: Reply) -> tuple[Reply, bool]:
        """Take a reply in: with its delivery's id where hint and number match, and whether it was news."""
        ...

    async def purge(self, retention: Retention, now: datetime) -> Mapping[str, int]:
        """Erase what has been kept long enough: how many bodies, addresses, deliveries, receipts, replies.

        What is queued or being sent is never touched.
        """
        ...

    async def export(
        self, *, subject: str | None = None, address: str | None = None
    ) -> Sequence[dict[str, Any]]:
        """Everything kept about a person, by recipient id or address, as plain values."""
        ...

    async def erase(self, *, subject: str | None = None, address: str | None = None) -> int:
        """Erase addresses, words, variables and replies of a person; what is queued is cancelled first.

        Returns how many deliveries it was about; their states and attempts stay, without the person.
        """
        ...

    async def aclose(self) -> None:
        """Release what is held."""
        ...
