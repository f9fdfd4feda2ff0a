"""PgQueuerDispatcher: ids of deliveries as jobs of PgQueuer, in the database of the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

import asyncpg

from notifyhub.dispatch.contract import Ticket, Work
from notifyhub.dispatch.pgqueuer.shift import Shift
from notifyhub.dispatch.pgqueuer.tables import ENQUEUE, check
from notifyhub.errors import UnsupportedOperation
from notifyhub.ledger.connections import connected
from notifyhub.ledger.postgres.connections import Connections
from notifyhub.ledger.postgres.driver import run
from notifyhub.ledger.postgres.faults import passes, told
from notifyhub.ledger.sql.script import Batch, Script
from notifyhub.log import get_logger

__all__ = ["PgQueuerDispatcher"]

_log = get_logger("notifyhub.dispatch")

CONNECT_TIMEOUT = 5.0
COMMAND_TIMEOUT = 15.0
"""Seconds after which a server that says nothing counts as lost."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
"""Seconds between two tries to reach a server that is away."""


class PgQueuerDispatcher:
    """Enqueues and works on one event loop at a time. lease: the ledger's, seconds."""

    def __init__(self, url: str, *, lease: float) -> None:
        self._url = url
        self._lease = lease
        self._here: _Here | None = None

    async def enqueue(self, tickets: Sequence[Ticket]) -> None:
        """See `Dispatcher.enqueue`: with all that wait, in one transaction and one exchange with the server.

        Raises SchemaError where the tables are missing, LedgerUnavailable where the server is away; those
        whose tickets went along are not told, and have them swept up.
        """
        here = self._on_this_loop()
        here.waiting.extend(tickets)
        async with here.turn:
            tickets, here.waiting = here.waiting, []
            if not tickets:
                return  # they went along with another's
            try:
                try:
                    await self._enqueue(tickets)
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                    if not passes(error):
                        raise
                    # A connection that broke while nobody used it shows only now; twice is harmless.
                    await self._enqueue(tickets)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                raise told(error) from None

    def enqueue_in(self, connection: object, tickets: Sequence[Ticket]) -> Awaitable[None] | None:
        """See `Dispatcher.enqueue_in`: workers are woken by the commit.

        Raises UnsupportedOperation for a connection that is not to PostgreSQL, or without a transaction;
        SchemaError where PgQueuer's tables are not in its database.
        """
        ours = connected(connection)
        if ours.backend != "postgresql":
            raise UnsupportedOperation(
                f"PgQueuer's jobs are in PostgreSQL, and this connection is to {ours.backend}",
                field="connection",
                remedy="give a connection to the ledger's database",
            )
        return ours.run(_enqueuing(tickets))

    async def run(self, work: Work) -> None:
        """See `Dispatcher.run`: lost connections are made again, and what is under way goes on meanwhile.

        Raises SchemaError where the tables are missing or of another version.
        """
        shift = Shift(work, self._lease)
        pause = FIRST_PAUSE
        try:
            while not shift.ended:
                try:
                    async with self._on_this_loop().connections.one() as connection:
                        await check(connection)
                        pause = FIRST_PAUSE
                        await shift.serve(connection)
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                    if not (passes(error) or isinstance(error, asyncpg.InterfaceError)):
                        raise told(error) from None
                    _log.warning("queue_lost", error=type(error).__name__, again_in=pause)
                    await shift.rest(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            await shift.aclose()

    async def aclose(self) -> None:
        """Disconnect."""
        here, self._here = self._here, None
        if here is not None and here.loop is asyncio.get_running_loop():
            await here.connections.close()

    async def _enqueue(self, tickets: Sequence[Ticket]) -> None:
        async with self._on_this_loop().connections.one() as connection:
            await run(connection, _enqueuing(tickets))

    def _on_this_loop(self) -> _Here:
        loop = asyncio.get_running_loop()
        if self._here is None or self._here.loop is not loop:
            made = Connections(self._url, connect_timeout=CONNECT_TIMEOUT, command_timeout=COMMAND_TIMEOUT)
            self._here = _Here(loop, made)
        return self._here


@dataclass(slots=True)
class _Here:
    """What belongs to one event loop. waiting: tickets that the next one whose turn it is takes along, so
    that a thousand who enqueue at once need one connection.
    """

    loop: asyncio.AbstractEventLoop
    connections: Connections
    waiting: list[Ticket] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


def _enqueuing(tickets: Sequence[Ticket]) -> Script[None]:
    # Whoever enqueues the same ids does so in the same order, so that nobody waits for each other.
    rows = sorted(
        (ticket.delivery_id, ticket.priority, ticket.due and ticket.due.timestamp()) for ticket in tickets
    )
    yield Batch(ENQUEUE, rows)
