"""Shift: one run of a worker at the queue, over as many connections as it takes.

PgQueuer's QueueManager is not used, only its tables and statements. It ends with its connection, after
waiting for all that is under way; it counts as under way what is over and not yet written down; and its
limit is twice its batch at least, so that it cannot be held to one at a time.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from pgqueuer.models import Job
from pgqueuer.queries import EntrypointExecutionParameter, Queries
from pgqueuer.types import JobId, QueueEntrypoint, QueueManagerId

from notifyhub.dispatch.contract import Work
from notifyhub.dispatch.pgqueuer.tables import (
    AGAIN,
    CHANNEL,
    ENTRYPOINT,
    NEXT,
    PROMOTE,
    RELEASE,
    STEADY,
    queries,
)
from notifyhub.log import get_logger

if TYPE_CHECKING:
    from asyncpg import Connection

__all__ = ["Shift"]

_log = get_logger("notifyhub.dispatch")

_ONE_ENTRYPOINT = {QueueEntrypoint(ENTRYPOINT): EntrypointExecutionParameter(concurrency_limit=0)}
LOOK = 0.1
"""Seconds between two looks for jobs that have become due; so late they may come."""


class Shift:
    """What a worker has in hand, and what it has yet to tell the queue. lease: the ledger's, seconds.

    A job that its worker is silent about is given to another one a little after the lease of its delivery
    ran out, which the ledger would refuse to give to anybody before.
    """

    def __init__(self, work: Work, lease: float) -> None:
        self._work = work
        self._manager = QueueManagerId(uuid.uuid4())
        self._longest_delay = lease
        self._silence = timedelta(seconds=lease * 1.1)
        self._pulse = lease / 20
        self._next_beat = self._next_look = 0.0
        self._in_hand: dict[JobId, asyncio.Task[None]] = {}
        self._carried: list[Job] = []
        self._raised: list[Job] = []
        self._stirred = asyncio.Event()
        self._stop = asyncio.create_task(work.stopping.wait(), name="notifyhub dispatch stopping")
        self._stop.add_done_callback(self._stir)

    @property
    def ended(self) -> bool:
        """Whether it was told to stop and nothing is in hand any more."""
        return self._work.stopping.is_set() and not self._in_hand

    async def serve(self, connection: Connection) -> None:
        """Work over this connection until the end. Raises what the connection raised."""
        queue = queries(connection)
        await connection.execute(STEADY)
        await queue.driver.add_listener(CHANNEL, self._heard)
        try:
            # What was picked in an exchange whose answer was lost.
            await self._release(connection)
            while True:
                self._stirred.clear()
                await self._tell(connection, queue)
                if self.ended and not (self._carried or self._raised):
                    await self._release(connection)
                    return
                await self._stirring(await self._pick(connection, queue))
        finally:
            if not connection.is_closed():
                with suppress(Exception):  # what matters is raised above; the connection goes either way
                    await queue.driver.remove_listener(CHANNEL, self._heard)  # type: ignore[attr-defined]

    async def rest(self, seconds: float) -> None:
        """Let what is in hand go on for so many seconds, or until the end."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self.ended and (left := until - loop.time()) > 0:
            self._stirred.clear()
            await self._stirring(left)

    async def aclose(self) -> None:
        """Cancel what is still in hand; its jobs go to another worker after a long enough silence."""
        tasks = [self._stop, *self._in_hand.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, connection: Connection, queue: Queries) -> None:
        """Say what is still in hand, and take out what is over.

        Nothing is left behind as failed: where the carrying raised, the id is enqueued anew.
        """
        carried, raised = tuple(self._carried), tuple(self._raised)
        if raised:
            await connection.execute(AGAIN, [job.id for job in raised], self._longest_delay)
        if carried or raised:
            await queue.log_jobs([(job, "successful", None) for job in (*carried, *raised)])
            del self._carried[: len(carried)], self._raised[: len(raised)]
        now = asyncio.get_running_loop().time()
        if self._in_hand and now >= self._next_beat:
            await queue.update_heartbeat(list(self._in_hand))
            self._next_beat = now + self._pulse

    async def _pick(self, connection: Connection, queue: Queries) -> float:
        """Pick as much as there is room for; returns the seconds after which to look again unstirred."""
        room = self._work.concurrency - len(self._in_hand)
        if room <= 0 or self._work.stopping.is_set():
            return self._pulse
        now = asyncio.get_running_loop().time()
        if now >= self._next_look:
            await connection.execute(PROMOTE)
            self._next_look = now + LOOK
        jobs = await queue.dequeue(room, _ONE_ENTRYPOINT, self._manager, None, self._silence)
        for job in jobs:
            # One of our own comes back where our heartbeat was late.
            if job.id not in self._in_hand:
                self._in_hand[job.id] = asyncio.create_task(self._carry(job), name=f"notifyhub job {job.id}")
        if len(jobs) == room:
            return self._pulse
        seconds = await connection.fetchval(NEXT)
        return self._pulse if seconds is None else min(self._pulse, max(seconds, LOOK))

    async def _carry(self, job: Job) -> None:
        try:
            if self._work.stopping.is_set():
                return  # picked, and not begun: released at the end
            await self._work.carry((job.payload or b"").decode())
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            _log.error("carry_failed", delivery=(job.payload or b"").decode(), error=type(error).__name__)
            self._raised.append(job)
        else:
            self._carried.append(job)
        finally:
            del self._in_hand[job.id]
            self._stirred.set()

    async def _release(self, connection: Connection) -> None:
        ours = [*self._in_hand, *(job.id for job in (*self._carried, *self._raised))]
        await connection.execute(RELEASE, self._manager, ours)

    async def _stirring(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()

    def _heard(self, payload: str | bytes | bytearray) -> None:
        # What another worker takes out of the queue gives us nothing to do.
        with suppress(ValueError, AttributeError):
            if json.loads(payload).get("operation") == "delete":
                return
        self._stirred.set()

    def _stir(self, _: object) -> None:
        self._stirred.set()
