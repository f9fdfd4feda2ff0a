"""Upkeep: renews what this process holds, and recovers what a dead one left behind; built in, never a job
that somebody must remember to run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from notifyhub.dispatch import Ticket
from notifyhub.errors import ConfigurationError, LedgerUnavailable
from notifyhub.health import HealthBoard
from notifyhub.ledger import Job, Ledger
from notifyhub.log import get_logger
from notifyhub.outcome import Delivery, Status
from notifyhub.policies import BalanceGuard
from notifyhub.postbox import Postbox
from notifyhub.postmaster import Postmaster
from notifyhub.reason import Reason
from notifyhub.recorder import Recorder
from notifyhub.routing import Path

__all__ = ["Upkeep"]

_log = get_logger("notifyhub.upkeep")

MANY = 100
"""How many deliveries are recovered at a time."""
LONGEST_PAUSE = 2.0
"""Seconds between two rounds, at most."""
HEALTH_PAUSE = 1.0
"""Seconds between two looks at how the instances do."""
LAST_TRY = 5.0
"""Seconds for which closing may be held up by a ledger to which something is still to be written."""
LEAST_OVERDUE = 5.0
"""Seconds, at least, for which a dispatcher may take its time with an id before it is given it again."""


class Upkeep:
    """One process's share in keeping a ledger in order.

    route: finds a message's path; raises ConfigurationError where there is none. health: of the instances.
    guard: looks at their balances.
    """

    def __init__(
        self,
        ledger: Ledger,
        postmaster: Postmaster,
        recorder: Recorder,
        postbox: Postbox,
        route: Callable[[Job], Path],
        health: HealthBoard | None = None,
        guard: BalanceGuard | None = None,
    ) -> None:
        self._ledger = ledger
        self._postmaster = postmaster
        self._recorder = recorder
        self._postbox = postbox
        self._route = route
        self._health = health
        self._guard = guard
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Have it run from now on in the running event loop; harmless when it does already."""
        task, loop = self._task, asyncio.get_running_loop()
        if task is None or task.done() or task.get_loop() is not loop:
            self._task = loop.create_task(self._run(), name="notifyhub upkeep")

    async def aclose(self) -> None:
        """Write down what is still owed, if that can be, and run no more."""
        task, self._task = self._task, None
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        try:
            await self.catch_up(LAST_TRY)
        except LedgerUnavailable as error:
            _log.error("records_lost", error=error.problem)

    async def catch_up(self, seconds: float) -> None:
        """Write down what is owed, within so many seconds. Raises LedgerUnavailable where it cannot be."""
        try:
            async with asyncio.timeout(seconds):
                await self._recorder.catch_up()
        except TimeoutError:
            raise LedgerUnavailable("it takes too long to write down what was sent") from None

    async def once(self) -> int:
        """Write what is owed, recover, expire, give lost ids again; returns how many were recovered."""
        await self._ledger.renew()
        await self._recorder.catch_up()
        recovered = 0
        while taken := await self._ledger.take_over(MANY):
            # All at once: a ledger commits for everybody who waits.
            results = await asyncio.gather(*map(self._recover, taken), return_exceptions=True)
            for error in results:
                if isinstance(error, Exception):
                    raise error
            recovered += len(taken)
        for expired in await self._ledger.expire():
            await self._postbox.announce(expired)
        lost = await self._ledger.overdue(max(self._ledger.lease, LEAST_OVERDUE), MANY)
        if lost:
            await self._postbox.ticket([Ticket(delivery_id=name, priority=place) for name, place in lost])
        return recovered

    async def _run(self) -> None:
        """Until cancelled. Recovery that takes long must not let what is under way run out meanwhile."""
        pause = min(self._ledger.lease / 3, LONGEST_PAUSE)
        loops = [self._again_and_again(round_, pause) for round_ in (self._ledger.renew, self.once)]
        if self._health is not None and self._health.watches:
            loops.append(self._again_and_again(self._health.exchange, HEALTH_PAUSE))
        if self._guard is not None:
            loops.append(self._again_and_again(self._guard.look, self._guard.every))
        await asyncio.gather(*loops)

    async def _again_and_again(self, round_: Callable[[], Awaitable[object]], pause: float) -> None:
        """A ledger that cannot be used now is asked again; nothing ends this silently."""
        while True:
            try:
                await round_()
            except LedgerUnavailable as error:
                _log.warning("upkeep_waits", error=error.problem)
            except Exception as error:  # noqa: BLE001 - recovery that ended silently would stop everything
                _log.error("upkeep_failed", error=type(error).__name__)
            await asyncio.sleep(pause)

    async def _recover(self, job: Job) -> None:
        try:
            path: Path | None = self._route(job)
        except ConfigurationError:
            path = None
        try:
            await self._postmaster.recover(job, path, "the process that was sending it ended")
        except Exception as error:  # noqa: BLE001 - one delivery's trouble must not keep the others
            _log.error("recovery_failed", delivery=job.id, error=type(error).__name__)
            await self._recorder.record(_uncertain(job, f"recovery: {type(error).__name__} in it"))


def _uncertain(job: Job, step: str) -> Delivery:
    return job.delivery.evolve(
        status=Status.UNKNOWN, reason=Reason.INTERRUPTED, steps=(*job.delivery.steps, step)
    )
