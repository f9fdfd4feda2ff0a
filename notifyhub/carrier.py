"""Carrier: takes jobs up from the queue and sees each through, whatever goes wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from notifyhub.chain import Chains, Stop, Yield
from notifyhub.digest import Digests
from notifyhub.errors import ConfigurationError, LeaseLost, LedgerUnavailable
from notifyhub.ledger import Job, Ledger
from notifyhub.log import get_logger
from notifyhub.outcome import Delivery, Status
from notifyhub.postmaster import Postmaster
from notifyhub.routing import Path

__all__ = ["Carrier"]

_log = get_logger("notifyhub.carrier")

UNROUTED_PAUSE = 60.0
"""Seconds until a delivery is tried again for which nothing is set up at the moment."""
FAILED_PAUSE = 30.0
"""Seconds until a delivery is tried again at which our own code failed."""


class Carrier:
    """The postmaster's hands for what is queued.

    route: raises ConfigurationError where there is no path. chains, digests: asked before each is carried.
    """

    def __init__(
        self,
        ledger: Ledger,
        postmaster: Postmaster,
        route: Callable[[Job], Path],
        chains: Chains,
        digests: Digests,
    ) -> None:
        self._ledger = ledger
        self._postmaster = postmaster
        self._route = route
        self._chains = chains
        self._digests = digests

    async def claim(self, limit: int, delivery_id: str | None = None) -> Sequence[Job]:
        """Take so many up at most, or this one if it is due. Raises LedgerUnavailable."""
        submitting = not self._postmaster.asks_policies
        return await self._ledger.claim(limit, submitting=submitting, delivery_id=delivery_id)

    async def give_back(self, jobs: Sequence[Job]) -> None:
        """Put back what was claimed and not begun."""
        await asyncio.gather(*(self._postmaster.put_back(job, 0, "its worker stops") for job in jobs))

    async def carry(self, job: Job) -> Delivery | None:
        """See it through; where our own code fails at it, it is put aside, and None returned.

        None too where a task of this process is at it already: that one goes on alone, with the new lease.
        Raises what keeps it from being put aside: the process is to end then. A lease that it went on
        renewing would hold the delivery for ever.
        """
        if self._postmaster.is_at(job.id):
            _log.warning("claimed_again", delivery=job.id)
            await self._postmaster.gone(job.id)
            # Mostly it has come to rest by then; where the task had given up before, nobody holds it but us.
            await self._put_aside(job.id, "its lease had run out while it was carried")
            return None
        try:
            try:
                looked = await self._chains.look(job)
                if not isinstance(looked, Job):
                    return await self._held_back(job, looked)
                job = await self._digests.gathered(looked)
                path = self._route(job)
            except ConfigurationError as error:
                _log.error("unrouted", delivery=job.id, error=error.problem)
                return await self._postmaster.put_back(job, UNROUTED_PAUSE, error.problem)
            except LeaseLost:
                _log.warning("lease_lost", delivery=job.id, status=job.delivery.status)
                return None
            except LedgerUnavailable as error:
                _log.error("not_looked_up", delivery=job.id, error=error.problem)
                return await self._postmaster.put_back(job, FAILED_PAUSE, error.problem)
            return await self._postmaster.carry(job, path)
        except Exception as error:  # noqa: BLE001 - one delivery's bug must not end the others
            _log.error("delivery_failed", delivery=job.id, error=type(error).__name__)
            await self._put_aside(job.id, f"{type(error).__name__} while it was carried")
            return None

    async def _held_back(self, job: Job, why: Stop | Yield) -> Delivery:
        """End it, or put it back, as its chain says."""
        if isinstance(why, Yield):
            return await self._postmaster.put_back(job, why.seconds, why.why)
        return await self._postmaster.stop(job, why.status, why.why)

    async def _put_aside(self, delivery_id: str, why: str) -> None:
        """Write down what can be said of a delivery, by what the ledger knows of it."""
        job = await self._ledger.job(delivery_id)
        if job is not None and job.delivery.status is Status.SENDING:
            await self._postmaster.recover(job, None, why)
        elif job is not None and job.delivery.status is Status.QUEUED:
            await self._postmaster.put_back(job, FAILED_PAUSE, why)
