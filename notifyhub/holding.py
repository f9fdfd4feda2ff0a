"""Holding: what one delivery has taken of the quotas, until it is known whether anything went out."""

from __future__ import annotations

from notifyhub.ledger import Admission, Job
from notifyhub.outcome import Delivery
from notifyhub.policies import Admit, Pipeline, passed_over
from notifyhub.routing import Path

__all__ = ["Holding"]


class Holding:
    """One delivery before the policies."""

    __slots__ = ("_admissions", "_deadline", "_free", "_message", "_policies")

    def __init__(self, policies: Pipeline, job: Job) -> None:
        self._policies = policies
        self._message = job.message
        self._deadline = job.deadline
        self._admissions: list[Admission] = []
        self._free: str | None = None

    async def ask(self, delivery: Delivery, path: Path, admit: Admit | None = None) -> tuple[Delivery, Path]:
        """See `Pipeline.ask`; and the path without the instances whose turn it is not."""
        delivery, admission = await self._policies.ask(
            delivery, self._message, path.names, admit, self._deadline
        )
        self._admissions.append(admission)
        self._free = admission.instance
        over = admission.passed_over
        if not over:
            return delivery, path
        steps = (*delivery.steps, *[passed_over(instance, why) for instance, why in over])
        return delivery.evolve(steps=steps), path.without({instance for instance, _ in over})

    async def turn(self, instance: str, copies: int) -> str | None:
        """Take an instance's turn before a submission; a sentence where it has none.

        copies: how many may be out already. The first submission's turn was taken by `ask`. Raises
        LedgerUnavailable.
        """
        if instance == self._free and not copies:
            self._free = None
            return None
        admission, why = await self._policies.turn(self._message, instance, copies)
        self._admissions.append(admission)
        return why

    async def settle(self, delivery: Delivery) -> None:
        """See `Pipeline.settle`."""
        await self._policies.settle(self._message, delivery, self._admissions)
