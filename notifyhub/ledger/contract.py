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

from notifyhub.ledger.admission import Admission, Question, Suppression
from notifyhub.ledger.health import Health
from notifyhub.ledger.job import Backlog, Gathered, Job, Query, Retention
from notifyhub.outcome import Delivery, Receipt, Reply, Status
from notifyhub.quota import Taken

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

        Its follow-ups are kept with it, all or nothing. If its key is known, nothing is kept and the first
        delivery under that key is returned instead. Raises KeyReused when the key stands for another request.
        """
        ...

    async def enter(self, job: Job, question: Question) -> tuple[Delivery, Admission]:
        """`open` what is to be sent at once and `admit` it, in one transaction.

        Where the first delivery under its key is returned, nothing is taken. Raises what `open` raises.
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
        out again but becomes `dead`; what is past its deadline is left to `expire`. Of those that are to
        become one message (`job.digested`) one is given out at a time.
        """
        ...

    async def submitting(self, delivery: Delivery, instance: str) -> None:
        """Commit, before the first byte, that the delivery is being submitted to this instance.

        Its attempts and steps so far are kept along. Raises LeaseLost.
        """
        ...

    async def gather(self, job: Job, most: int) -> Gathered:
        """End what is queued, nobody's and of the same digest as this delivery, which we hold: `merged`.

        The oldest first, and no more than `most` in one message, itself counted. Asked again, by whoever
        holds it then, the same come back; more may join until a copy may be out. Of what has been
        merged into it, what is past its own deadline by then becomes `expired`. Raises LeaseLost.
        """
        ...

    async def note(self, delivery_id: str, step: str) -> Delivery:
        """Add a step to a delivery in whatever state, and whoever holds it. Raises UnknownDelivery."""
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

        What was merged into it is queued again. So it is where `expire` ends it.
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

    async def admit(self, question: Question) -> Admission:
        """Whether a message may go now; what it takes is taken, all of it or nothing, in one transaction.

        However many workers ask at the same time, no quota is ever exceeded.
        """
        ...

    async def give_back(self, taken: Sequence[Taken]) -> None:
        """Give back what was taken, or the part that each says; what has passed meanwhile is left alone.

        Of limits up to 32, giving back twice frees nobody else's.
        """
        ...

    async def suppress(self, entry: Suppression) -> Suppression:
        """Put an address on the list of those to whom nothing goes; the entry is returned, or the one that is
        there already for the same channel, category and instance: prolonged, if the new one ends later or
        never, and with its own reason and source.
        """
        ...

    async def suppressions(
        self, *, address: str | None = None, lifted: bool = False, limit: int = 100
    ) -> Sequence[Suppression]:
        """The suppression list, the newest first. lifted: also what was lifted or has ended."""
        ...

    async def lift(self, entry_id: str, by: str) -> Suppression:
        """Take an entry off the list; it stays visible. Raises UnknownSuppression."""
        ...

    async def observe(self, seen: Sequence[Health]) -> None:
        """Add what was seen of provider instances to what everybody has seen."""
        ...

    async def health(self, since: int) -> Sequence[Health]:
        """What everybody has seen in the slots from this one on, summed by instance and slot."""
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

        Returns how many deliveries it was about; their states and attempts stay, without the person. An entry
        of the suppression list holds on without the address: who opted out stays suppressed.
        """
        ...

    async def aclose(self) -> None:
        """Release what is held."""
        ...
