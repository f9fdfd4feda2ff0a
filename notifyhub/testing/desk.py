"""Desk: a worker with a small ledger in memory, to try a dispatch engine on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from notifyhub.dispatch import Dispatcher, Ticket
from notifyhub.testing.contract.base import require

__all__ = ["Desk"]


class Desk:
    """A worker with a small ledger in memory behind it: what an engine is given as its `Work`.

    begun: ids in the order in which they were really taken up, each with its time. calls: every call of
    `carry`, with its time. most: so many calls there were at the same time. length: seconds that
    carrying one takes. handler: what else is done with an id. ledger: what is queued. patience: seconds
    that an id may take to come.
    """

    patience = 15.0

    def __init__(
        self, concurrency: int, *, length: float = 0.0, ledger: dict[str, Ticket] | None = None
    ) -> None:
        self.concurrency = concurrency
        self.stopping = asyncio.Event()
        self.length = length
        self.ledger = {} if ledger is None else ledger
        self.handler: Callable[[str], Awaitable[None]] | None = None
        self.begun: list[tuple[str, float]] = []
        self.calls: list[tuple[str, float]] = []
        self.most = 0
        self._now = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, dispatcher: Dispatcher, *tickets: Ticket) -> None:
        """Keep deliveries as queued, then tell the engine."""
        self.ledger.update({ticket.delivery_id: ticket for ticket in tickets})
        await dispatcher.enqueue(tickets)

    async def take(self) -> int:
        """See `Work.take`."""
        due = sorted((t for t in self.ledger.values() if _is_due(t)), key=lambda ticket: ticket.priority)
        chosen = due[: max(self.concurrency - len(self._tasks), 0)]
        for ticket in chosen:
            del self.ledger[ticket.delivery_id]
            task = asyncio.create_task(self._carry(ticket.delivery_id))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return len(chosen)

    async def pause(self, seconds: float) -> None:
        """See `Work.pause`."""
        await asyncio.sleep(min(seconds, 0.01))

    async def carry(self, delivery_id: str) -> None:
        """See `Work.carry`."""
        self.calls.append((delivery_id, time.time()))
        ticket = self.ledger.get(delivery_id)
        if ticket is not None and _is_due(ticket):
            del self.ledger[delivery_id]
            await self._carry(delivery_id)

    async def see(self, *ids: str) -> None:
        """Wait until all of these were taken up; fails after `patience` seconds."""
        until = time.monotonic() + self.patience
        while missing := set(ids) - {name for name, _ in self.begun}:
            require(time.monotonic() < until, f"{len(missing)} of {len(ids)} ids were never carried")
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Wait for what was taken up through `take`."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, delivery_id: str) -> None:
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            self.begun.append((delivery_id, time.time()))
            await asyncio.sleep(self.length)
            if self.handler is not None:
                await self.handler(delivery_id)
        finally:
            self._now -= 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # a worker counts what its own handler raised; nothing is to be said here


def _is_due(ticket: Ticket) -> bool:
    return ticket.due is None or ticket.due <= datetime.now(UTC)
