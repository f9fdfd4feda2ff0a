"""Recorder: has written down what became of a delivery, and keeps what cannot be written yet."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from notifyhub.errors import LeaseLost, LedgerUnavailable
from notifyhub.ledger import Ledger
from notifyhub.log import get_logger
from notifyhub.outcome import Delivery
from notifyhub.postbox import Postbox

__all__ = ["Recorder"]

_log = get_logger("notifyhub.recorder")

PAUSES = (0.0, 0.05, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries to write something down, before those who wait for it are let go."""


class Recorder:
    """Writes to the ledger what was seen, once or a hundred times over. It is never sent again for that."""

    def __init__(self, ledger: Ledger, postbox: Postbox) -> None:
        self._ledger = ledger
        self._postbox = postbox
        self._owed: dict[str, Delivery] = {}

    async def record(self, delivery: Delivery) -> Delivery:
        """Write it down and tell everybody; returns what is kept now.

        Where the ledger cannot be written to for long it is owed: returned as it was seen, and written
        by `catch_up`. A task that is cancelled meanwhile still has it written.
        """
        try:
            kept = await self._ledger.record(delivery)
        except LeaseLost:
            return await self._lost(delivery)
        except LedgerUnavailable:
            return await asyncio.shield(self._insist(delivery))
        except asyncio.CancelledError:
            await asyncio.shield(self._insist(delivery))
            raise
        if self._postbox.matters(kept):
            await self._postbox.announce(kept, kept.receipts[len(delivery.receipts) :])
        return kept

    async def catch_up(self) -> None:
        """Write down what is owed. Raises LedgerUnavailable while that cannot be."""
        for delivery in list(self._owed.values()):
            await self._settle(delivery)

    async def _insist(self, delivery: Delivery) -> Delivery:
        self._owed[delivery.id] = delivery
        for pause in PAUSES:
            await asyncio.sleep(pause)
            try:
                return await self._settle(delivery)
            except LedgerUnavailable as error:
                problem = error.problem
        _log.error("record_owed", delivery=delivery.id, status=delivery.status, error=problem)
        return delivery

    async def _settle(self, delivery: Delivery) -> Delivery:
        """Write down what is owed, once. Raises LedgerUnavailable."""
        try:
            kept = await self._ledger.record(delivery)
        except LeaseLost:
            self._owed.pop(delivery.id, None)
            return await self._lost(delivery)
        if self._owed.pop(delivery.id, None) is not None:  # else `catch_up` and a waiting task met
            await self._postbox.announce(kept, kept.receipts[len(delivery.receipts) :])
        return kept

    async def _lost(self, delivery: Delivery) -> Delivery:
        """What is kept now: another owner tells of it, and what was seen here is among its steps."""
        _log.warning("lease_lost", delivery=delivery.id, status=delivery.status)
        with suppress(LedgerUnavailable):
            return await self._ledger.get(delivery.id) or delivery
        return delivery
