"""Chain: a delivery and those that follow it where it is not delivered in time, looked at together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from notifyhub.category import DeliveryPolicy
from notifyhub.errors import LedgerUnavailable, NotificationError, UnknownDelivery, WrongState
from notifyhub.ledger import Job, Ledger
from notifyhub.log import get_logger
from notifyhub.outcome import Delivery, Status
from notifyhub.postbox import Postbox

__all__ = ["FOLLOWED", "Chains", "Stop", "Yield", "follow_up_key"]

_log = get_logger("notifyhub.chain")

FOLLOWED = "escalation: followed by "
"""How the step begins by which a delivery is known to have follow-ups."""
_ACKNOWLEDGED = "acknowledged by "
"""How the step begins that says so. It is looked for in the first delivery of a chain."""
_PAUSE = 2.0
"""Seconds for which a follow-up stands back while another of its chain is being sent."""
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Stop:
    """It is not sent any more, and ends with this status. why: the step that says so."""

    status: Status
    why: str


@dataclass(frozen=True, slots=True)
class Yield:
    """Not now: another one of its chain goes first. seconds: until it is looked at again."""

    seconds: float
    why: str


class Chains:
    """Chains in a ledger. What is decided at the last moment, when a delivery was taken up, is what holds;
    what is cancelled before that only spares the wait.

    policy_of: the delivery policy that holds for a job; `max_submits` counts for a whole chain.
    """

    def __init__(
        self, ledger: Ledger, postbox: Postbox, policy_of: Callable[[Job], DeliveryPolicy] | None = None
    ) -> None:
        self._ledger = ledger
        self._postbox = postbox
        self._policy_of = policy_of

    async def look(self, job: Job) -> Job | Stop | Yield:
        """Whether a delivery that was just taken up may go: the job, with no more copies than are left to it.

        Raises LedgerUnavailable.
        """
        delivery = job.delivery
        if not _in_chain(delivery) or self._policy_of is None:
            return job
        chain = await self._chain(delivery)
        if chain[0].id != (delivery.escalates or delivery.id):
            return Stop(Status.SUPPRESSED, "escalation: the delivery it follows is not kept any more")
        why = _settled(chain, delivery)
        if why is not None:
            return Stop(Status.CANCELLED, why)
        if delivery.escalates is not None and _another_first(chain, delivery):
            return Yield(_PAUSE, "another of its escalation is being sent")
        policy = self._policy_of(job)
        # What is being sent may be one more copy by the time anybody can say.
        copies = sum(
            each.copies + (each.status is Status.SENDING) for each in chain if each.id != delivery.id
        )
        if copies >= policy.max_submits:
            said = f"escalation: {copies} copies may be out, {policy.max_submits} at most"
            return Stop(Status.SUPPRESSED, said)
        left = policy.max_submits - copies
        return job.evolve(policy=policy.model_copy(update={"max_submits": left})) if copies else job

    async def acknowledge(self, delivery_id: str, by: str) -> Delivery:
        """Somebody has taken notice: what is still to follow is cancelled. Twice is harmless.

        delivery_id: any one of the chain, or a delivery without follow-ups. by: kept among the steps.
        Returns that delivery. Raises UnknownDelivery, NotificationError without a name, LedgerUnavailable.
        """
        name = " ".join(by.split())[:_LONGEST_NAME]
        if not name:
            raise NotificationError("is empty", field="by", remedy="say who has taken notice")
        delivery = await self._ledger.get(delivery_id)
        if delivery is None:
            raise UnknownDelivery("no such delivery", field="delivery_id")
        first, *following = await self._chain(delivery)
        if not _acknowledgement(first):
            noted = await self._ledger.note(first.id, f"{_ACKNOWLEDGED}{name}")
            await self._postbox.announce(noted)
        await self._cancel([first, *following], f"escalation: {_ACKNOWLEDGED}{name}")
        return await self._ledger.get(delivery_id) or delivery

    async def delivered(self, delivery: Delivery) -> None:
        """A receipt says that it has arrived: what is still to follow is cancelled, if that can be now."""
        if not _in_chain(delivery):
            return
        try:
            rest = [each for each in await self._chain(delivery) if each.id != delivery.id]
            await self._cancel(rest, f"escalation: {delivery.id} is delivered")
        except LedgerUnavailable as error:
            _log.warning("follow_ups_not_cancelled", delivery=delivery.id, error=error.problem)

    async def _chain(self, delivery: Delivery) -> list[Delivery]:
        """The first, if it is kept, and its follow-ups in order; all as they stand now."""
        first = delivery.escalates or delivery.id
        found = await self._ledger.get(first)
        chain = [delivery] if found is None else [found]
        if found is not None and not _in_chain(found):
            return chain
        number = 1
        while (follow_up := await self._ledger.by_key(follow_up_key(first, number))) is not None:
            chain.append(follow_up)
            number += 1
        return chain

    async def _cancel(self, deliveries: Sequence[Delivery], why: str) -> None:
        for delivery in deliveries:
            if delivery.status is Status.QUEUED:
                await self._ledger.note(delivery.id, why)
                with suppress(WrongState):  # taken up: whoever did that looks at the chain as well
                    await self._postbox.cancel(delivery.id, None)


def follow_up_key(first: str, number: int) -> str:
    """The key under which a follow-up is kept; number: from 1, in order."""
    return f"escalation:{first}:{number}"


def _in_chain(delivery: Delivery) -> bool:
    return delivery.escalates is not None or any(
        isinstance(step, str) and step.startswith(FOLLOWED) for step in delivery.steps
    )


def _acknowledgement(first: Delivery) -> str | None:
    said = (step for step in first.steps if isinstance(step, str) and step.startswith(_ACKNOWLEDGED))
    return next(said, None)


def _settled(chain: Sequence[Delivery], delivery: Delivery) -> str | None:
    """Why nothing more of the chain is to be sent, if nothing is."""
    acknowledged = _acknowledgement(chain[0])
    if acknowledged is not None:
        return f"escalation: {acknowledged}"
    for each in chain:
        if each.status is Status.DELIVERED and each.id != delivery.id:
            return f"escalation: {each.id} is delivered"
    first = chain[0]
    # That nothing is to be said to somebody was decided; it did not fail.
    if first.id != delivery.id and first.status in (Status.CANCELLED, Status.SUPPRESSED):
        return f"escalation: {first.id}, which it follows, is {first.status}"
    return None


def _another_first(chain: Sequence[Delivery], delivery: Delivery) -> bool:
    """Whether another one is being sent, or one that comes before it is about to be."""
    now = datetime.now(UTC)
    before = True
    for each in chain:
        if each.id == delivery.id:
            before = False
            continue
        waits = before and each.status is Status.QUEUED and (each.due is None or each.due <= now)
        if waits or each.status is Status.SENDING:
            return True
    return False
