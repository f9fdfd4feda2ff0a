"""Joining: what a holder writes, put together with what came meanwhile: receipts, erasures, successors."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from notifyhub.category import Category
from notifyhub.errors import LeaseLost, UnknownDelivery
from notifyhub.ledger.memory.mailbox import ParkedReceipts
from notifyhub.ledger.memory.shelf import Kept, Shelf
from notifyhub.outcome import Attempt, Delivery, Receipt

__all__ = ["Joining"]

LATE = "late: what its former holder saw, whose lease had run out"
"""The step before those that a former holder adds."""


class Joining:
    """Nothing that is known is ever lost by a write: attempts, steps and receipts are only added."""

    def __init__(self, shelf: Shelf, parked: ParkedReceipts) -> None:
        self._shelf = shelf
        self._parked = parked

    def merged(self, kept: Kept, seen: Delivery) -> Delivery:
        """What the holder saw, with the receipts that are there: those already joined and those parked."""
        before = kept.delivery
        if before.receipts or kept.noted:
            steps = (*before.steps, *_new_steps(before, seen))
            status = before.status.after(seen.status)
            seen = seen.evolve(status=status, receipts=before.receipts, steps=steps)
        if not before.address:
            seen = seen.evolve(address="")
        return self._known(kept, seen, seen.attempts) if seen.attempts else seen

    def receipt(self, kept: Kept, receipt: Receipt) -> bool:
        """Join a receipt that is about this delivery; says whether it was news.

        It ends what is queued: no further copy is needed, or the vendor says that none can arrive.
        """
        before = kept.delivery
        kept.delivery = _joined(before, receipt)
        if kept.place is not None:
            self._shelf.end(kept)
        elif before.category is Category.OTP:
            kept.job = None  # ended, though its holder may not have come to writing it down
        return kept.delivery is not before

    def late(self, seen: Delivery) -> NoReturn:
        """A write by somebody who does not hold it: it changes no state, but what it saw is kept as steps.

        Raises LeaseLost, and UnknownDelivery for what is not kept at all.
        """
        kept = self._shelf.get(seen.id)
        if kept is None:
            raise UnknownDelivery("no such delivery", field="delivery_id")
        kept.delivery = self._known(kept, _with_late(kept.delivery, seen), seen.attempts)
        raise LeaseLost(
            f"delivery {seen.id} is not ours any more: it is {kept.delivery.status}",
            remedy="stop working on it; what was seen is kept among its steps",
        )

    def _known(self, kept: Kept, delivery: Delivery, attempts: tuple[Attempt, ...]) -> Delivery:
        """The delivery, from now on known by the vendors' ids for these attempts."""
        for attempt in attempts:
            name = attempt.outcome.provider_message_id
            if name is None:
                continue
            vendor_id = (attempt.provider, name)
            self._shelf.by_vendor_id[vendor_id] = kept
            if vendor_id in self._parked.waiting:
                for receipt in self._parked.take(vendor_id):
                    if receipt.address == delivery.address:
                        delivery = _joined(delivery, receipt)
        return delivery


def _joined(delivery: Delivery, receipt: Receipt) -> Delivery:
    """The delivery after a receipt; itself where that is no news."""
    if any(receipt.same_news(known) for known in delivery.receipts):
        return delivery
    return delivery.with_receipt(replace(receipt, delivery_id=delivery.id))


def _with_late(kept: Delivery, seen: Delivery) -> Delivery:
    """The delivery with what a former holder saw: its steps, and the attempts nobody else has counted."""
    new = _new_steps(kept, seen)
    if not new:
        return kept
    counted = {attempt.number for attempt in kept.attempts}
    attempts = [step for step in new if isinstance(step, Attempt) and step.number not in counted]
    return kept.evolve(steps=(*kept.steps, LATE, *new), attempts=(*kept.attempts, *attempts))


def _new_steps(kept: Delivery, seen: Delivery) -> list[str | Attempt]:
    """Of the steps that a holder saw, those that are not kept: after the beginning that both have."""
    both = 0
    for ours, theirs in zip(kept.steps, seen.steps, strict=False):
        if ours != theirs:
            break
        both += 1
    attempts = [attempt for attempt in seen.attempts if attempt not in seen.steps]
    return [step for step in (*seen.steps[both:], *attempts) if step not in kept.steps[both:]]
