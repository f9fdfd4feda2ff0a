"""Worker: takes up what is queued and carries it on, as much at a time as there is room for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from notifyhub.carrier import Carrier
from notifyhub.dispatch import Dispatcher
from notifyhub.errors import LedgerUnavailable
from notifyhub.ledger import Job, Ledger
from notifyhub.log import get_logger
from notifyhub.outcome import Status
from notifyhub.postbox import Postbox
from notifyhub.upkeep import Upkeep

__all__ = ["Worker", "WorkerCounts"]

_log = get_logger("notifyhub.worker")

CLAIM_PAUSE = 0.5
"""Seconds until a ledger that cannot be used is asked again."""
CUT_OFF = 0.7
"""Seconds that those cut off at the end of the grace are given to have it written down."""
DRAIN_LOOK = 0.1
"""Seconds between two looks whether a queue that is being drained is empty."""


@dataclass(slots=True)
class WorkerCounts:
    """What one worker has done since it started: deliveries by the status they came to rest in.

    cut_off: how many more were still under way at the end of the grace.
    """

    by_status: dict[Status, int]
    under_way: int = 0
    cut_off: int = 0

    @property
    def total(self) -> int:
        """All that came to rest."""
        return sum(self.by_status.values())


class Worker:
    """One worker of a hub: see `Hub.run_worker`.

    concurrency: deliveries under way at the same time. grace: seconds that those under way are given
    after `stop`; what is still being submitted then is recorded as uncertain, and carried on by another
    worker where its category allows that.
    """

    def __init__(
        self,
        ledger: Ledger,
        carrier: Carrier,
        postbox: Postbox,
        dispatcher: Dispatcher,
        upkeep: Upkeep,
        *,
        concurrency: int = 16,
        grace: float = 10.0,
    ) -> None:
        self.concurrency = concurrency
        self.grace = grace
        self.stopping = asyncio.Event()
        self.counts = WorkerCounts({})
        self._ledger = ledger
        self._carrier = carrier
        self._postbox = postbox
        self._dispatcher = dispatcher
        self._upkeep = upkeep
        self._under_way: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(concurrency)
        self._freed = asyncio.Event()
        self._failure: Exception | None = None

    async def run(self, *, drain: bool = False) -> WorkerCounts:
        """Work until `stop`; with `drain` until nothing is due and nothing is being sent.

        Cancelling it is like `stop`: it ends after the grace; cancelled twice it cuts off at once.
        Raises SchemaError at start, what ended the dispatch engine, and LedgerUnavailable at the end where
        outcomes could still not be written down: recovery says of those that they are uncertain.
        """
        await self._ledger.start()
        await self._settle_first()
        self._upkeep.start()
        engine = asyncio.create_task(self._dispatcher.run(self), name="notifyhub dispatcher")
        helpers: list[asyncio.Task[Any]] = [
            asyncio.create_task(self.stopping.wait(), name="notifyhub stopping")
        ]
        if drain:
            helpers.append(asyncio.create_task(self._drain(), name="notifyhub drain"))
        try:
            await asyncio.wait([engine, helpers[0]], return_when=asyncio.FIRST_COMPLETED)
            if engine.done() and not self.stopping.is_set():
                engine.result()  # raises what ended it
                raise LedgerUnavailable(
                    "the dispatch engine ended by itself", remedy="start the worker again"
                )
        finally:
            self.stop()
            await self._wind_up(engine, helpers)
        if self._failure is not None:
            raise self._failure
        await self._upkeep.catch_up(CUT_OFF)
        return self.counts

    def stop(self) -> None:
        """Take nothing more up, let what is under way end within the grace, and return from `run`."""
        self.stopping.set()
        self._freed.set()

    async def take(self) -> int:
        """See `dispatch.Work.take`."""
        room = self.concurrency - len(self._under_way)
        if room <= 0 or self.stopping.is_set():
            return 0
        try:
            jobs = await self._claim(room)
        except LedgerUnavailable as error:
            _log.warning("claim_failed", error=error.problem)
            await self._stopping_within(CLAIM_PAUSE)
            return 0
        for job in jobs:
            self._start(self._carry(job), job.id)
        return len(jobs)

    async def pause(self, seconds: float) -> None:
        """See `dispatch.Work.pause`."""
        self._freed.clear()
        if self.stopping.is_set():
            return
        waits: list[asyncio.Task[object]] = [asyncio.create_task(self._freed.wait())]
        if len(self._under_way) < self.concurrency:
            waits.append(asyncio.create_task(self._changed(seconds)))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def carry(self, delivery_id: str) -> None:
        """See `dispatch.Work.carry`."""
        async with self._room:
            if self.stopping.is_set():
                return
            # A task of its own, so that the grace is the worker's to give and not the engine's.
            task = self._start(self._take_up(delivery_id), delivery_id)
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    def _start(self, work: Coroutine[Any, Any, None], delivery_id: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"notifyhub {delivery_id}")
        self._under_way.add(task)
        self.counts.under_way += 1
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self.counts.under_way -= 1
        self._freed.set()
        if not task.cancelled():
            task.exception()  # an engine that was cancelled does not ask for it

    async def _claim(self, limit: int, delivery_id: str | None = None) -> Sequence[Job]:
        jobs = await self._carrier.claim(limit, delivery_id)
        if not self.stopping.is_set():
            return jobs
        await self._carrier.give_back(jobs)
        return ()

    async def _take_up(self, delivery_id: str) -> None:
        jobs = await self._claim(1, delivery_id)
        for job in jobs:
            await self._carry(job)
        if not jobs and not self.stopping.is_set():
            # Clocks differ by a hair: an id that comes before its time must come again.
            await self._postbox.ticket_again(delivery_id)

    async def _carry(self, job: Job) -> None:
        try:
            kept = await self._carrier.carry(job)
        except Exception as error:  # noqa: BLE001 - raised by `run`, which is what people wait for
            self._failure = error
            self.stop()
            return
        if kept is not None:
            by_status = self.counts.by_status
            by_status[kept.status] = by_status.get(kept.status, 0) + 1

    async def _changed(self, seconds: float) -> None:
        try:
            await self._ledger.changed(seconds)
        except LedgerUnavailable:
            await asyncio.sleep(CLAIM_PAUSE)  # the next claim says why

    async def _stopping_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    async def _settle_first(self) -> None:
        """What a former process left behind comes before anything new."""
        try:
            recovered = await self._upkeep.once()
        except LedgerUnavailable as error:
            _log.warning("upkeep_waits", error=error.problem)
            return
        _log.info("worker_started", concurrency=self.concurrency, recovered=recovered)

    async def _drain(self) -> None:
        while True:
            await asyncio.sleep(DRAIN_LOOK)
            if self._under_way:
                continue
            try:
                backlog = await self._ledger.backlog()
            except LedgerUnavailable as error:
                _log.warning("drain_waits", error=error.problem)
                await asyncio.sleep(CLAIM_PAUSE)
                continue
            if not (backlog.ready or backlog.sending or self._under_way):
                self.stop()
                return

    async def _wind_up(self, engine: asyncio.Task[None], helpers: Sequence[asyncio.Task[Any]]) -> None:
        """Give what is under way its grace, then cut it off; what was being sent is uncertain then."""
        _log.info("worker_stopping", under_way=len(self._under_way), grace=self.grace)
        loop = asyncio.get_running_loop()
        ends = loop.time() + self.grace
        try:
            # The engine first: what it has just taken up must be among what is waited for.
            await asyncio.wait([engine], timeout=self.grace)
            while self._under_way and (left := ends - loop.time()) > 0:
                await asyncio.wait(self._under_way, timeout=left)
        finally:
            self.counts.cut_off = cut_off = len(self._under_way)
            ending = [engine, *helpers, *self._under_way]
            for task in ending:
                task.cancel()
            await asyncio.wait(ending, timeout=CUT_OFF)
            if engine.done() and not engine.cancelled() and (error := engine.exception()) is not None:
                _log.error("engine_failed", error=type(error).__name__)
            _log.info("worker_stopped", carried=self.counts.total, cut_off=cut_off)
