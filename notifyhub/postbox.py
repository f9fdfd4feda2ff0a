"""Postbox: where jobs for the workers are put, and taken out again as long as nobody has taken them up."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta

from notifyhub.announcer import Announcer
from notifyhub.dispatch import Dispatcher, Ticket
from notifyhub.ledger import Job, Ledger
from notifyhub.log import get_logger
from notifyhub.outcome import Delivery, Receipt, Status

__all__ = ["Postbox", "ticket_of"]

_log = get_logger("notifyhub.postbox")
_QUEUED = Status.QUEUED  # a look-up in an Enum class is slow

SKEW = timedelta(seconds=1)
"""By how much this machine's clock may be before the ledger's."""


class Postbox:
    """The queue as those see it who put something in: kept by the ledger, its ids with the dispatcher."""

    def __init__(self, ledger: Ledger, dispatcher: Dispatcher, announcer: Announcer) -> None:
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._announcer = announcer

    async def put(self, job: Job) -> Delivery:
        """Keep it. Returns the first delivery where its key is known; raises KeyReused, LedgerUnavailable."""
        opened = await self._ledger.open(job)
        if opened.id == job.id:
            await self.announce(opened)
            if job.follow_ups:
                await self.ticket(_tickets_of(job)[1:])
        return opened

    def put_in(self, connection: object, job: Job) -> Delivery | Awaitable[Delivery]:
        """Keep it within the caller's open transaction; see `Ledger.open_in`.

        Nobody is told: it may be rolled back.
        """
        opened = self._ledger.open_in(connection, job)
        if inspect.isawaitable(opened):
            return self._ticketed_in(connection, opened, job)
        if opened.id == job.id:
            self._dispatcher.enqueue_in(connection, _tickets_of(job))
        return opened

    async def cancel(self, delivery_id: str | None, key: str | None) -> Delivery:
        """Take it out. Raises UnknownDelivery, and WrongState once it is under way."""
        cancelled = await self._ledger.cancel(delivery_id=delivery_id, key=key)
        await self.announce(cancelled)
        return cancelled

    def matters(self, delivery: Delivery) -> bool:
        """Whether `announce` would do anything with it."""
        return delivery.status is _QUEUED or bool(delivery.receipts) or self._announcer.heard

    async def announce(self, delivery: Delivery, joined: Sequence[Receipt] = ()) -> None:
        """Tell of a change as `Announcer` does, and the dispatcher where it is queued."""
        await self._announcer.delivery_changed(delivery, joined)
        if delivery.status is _QUEUED:
            await self.ticket([ticket_of(delivery)])

    async def ticket(self, tickets: Sequence[Ticket]) -> None:
        """Give ids to the dispatcher; one that fails is no loss, for they come up again as overdue."""
        try:
            await self._dispatcher.enqueue(tickets)
        except Exception as error:  # noqa: BLE001 - a stranger's engine; the ledger has what counts
            _log.error("dispatch_failed", ids=len(tickets), error=type(error).__name__)

    async def ticket_again(self, delivery_id: str) -> None:
        """Give an id once more that came before its time."""
        delivery = await self._ledger.get(delivery_id)
        if delivery is None or delivery.status is not _QUEUED or delivery.due is None:
            return
        if delivery.due > datetime.now(UTC) - SKEW:
            await self.ticket([ticket_of(delivery)])

    async def _ticketed_in(self, connection: object, opening: Awaitable[Delivery], job: Job) -> Delivery:
        opened = await opening
        if opened.id == job.id:
            telling = self._dispatcher.enqueue_in(connection, _tickets_of(job))
            if telling is not None:
                await telling
        return opened


def ticket_of(delivery: Delivery) -> Ticket:
    """The ticket of a queued delivery."""
    return Ticket(delivery_id=delivery.id, due=delivery.due, priority=delivery.category.priority)


def _tickets_of(job: Job) -> list[Ticket]:
    """The tickets of a new job, its own first, and of what follows it."""
    return [ticket_of(each.delivery) for each in (job, *job.follow_ups)]
