"""The seam between the ledger and whatever wakes the workers.

The ledger owns the truth; a dispatcher carries only ids. So it may be slow, give an id twice or lose
one: a claim succeeds for one worker only, and a sweeper puts back what has been due for too long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

__all__ = ["DispatchContext", "Dispatcher", "DispatcherType", "Ticket", "Work"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a dispatcher carries. due: not before (aware); None is at once. priority: 0 goes first."""

    delivery_id: str
    due: datetime | None = None
    priority: int = 0


class Work(Protocol):
    """The worker, as a dispatcher sees it."""

    concurrency: int
    """Deliveries under way at the same time, at most."""
    stopping: asyncio.Event
    """Set when nothing more is to be taken up; `run` then returns soon."""

    async def take(self) -> int:
        """Start on as much of what is due in the ledger as there is room for; returns how much that was."""
        ...

    async def pause(self, seconds: float) -> None:
        """Return when something may be ready or there is room again, when stopping, or after so long."""
        ...

    async def carry(self, delivery_id: str) -> None:
        """Take this delivery up and carry it on; returns when it rests. Waits while there is no room.

        Harmless where it is not due yet, taken up by another worker or ended, and when called twice.
        It does nothing once `stopping` is set: look at that before an id is counted as done.
        Raises nothing that is the delivery's own fault; where it raises, the id may be given again.
        """
        ...


class Dispatcher(Protocol):
    """Carries ids of queued deliveries to workers, on one machine or many."""

    async def enqueue(self, tickets: Sequence[Ticket]) -> None:
        """Put ids on their way: after the ledger has kept them, and again for those put back.

        A raise is logged and harmless: the sweeper puts them back later.
        """
        ...

    def enqueue_in(self, connection: object, tickets: Sequence[Ticket]) -> Awaitable[None] | None:
        """The same within the caller's open transaction. An engine that cannot do that may do nothing (the
        sweeper finds what was committed), or raise UnsupportedOperation for a connection it cannot use.
        """
        ...

    async def run(self, work: Work) -> None:
        """Give ids to `work.carry` (or call `work.take`) until `work.stopping` is set."""
        ...

    async def aclose(self) -> None:
        """Release what is held."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchContext:
    """What a dispatcher is made of. ledger_url: where the ledger is (may hold a password: never logged).
    lease: the ledger's lease, seconds. folder: where the settings file lay.
    """

    ledger_url: str
    lease: float
    folder: Path = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherType:
    """An engine as a plugin brings it (hook `notifyhub_dispatchers`); `[dispatch] engine` names it.

    build: raises SettingsError where the engine cannot work with this ledger. migrate: makes the
    engine's own tables, where it has any; called by `notifyhub ledger migrate`, harmless twice.
    """

    name: str
    build: Callable[[DispatchContext], Dispatcher]
    migrate: Callable[[DispatchContext], Awaitable[None]] | None = None
