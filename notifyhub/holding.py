"""Holding: what one delivery has taken of the quotas, until it is known whether anything went out."""

from __future__ import annotations

from collections.abc import Sequence

from notifyhub.ledger import Admission, Demand, Job
from notifyhub.outcome import Delivery
from notifyhub.policies import Pipeline, passed_over
from notifyhub.quota import Taken
from notifyhub.routing import Path

__all__ = ["Holding"]


class Holding:
    """One delivery before the policies. free: the instance whose turn it is, without asking again."""

    __slots__ = ("_admissions", "_deadline", "_demand", "_message", "_policies", "free")

    def __init__(self, policies: Pipeline, job: Job) -> None:
        self._policies = policies
        self._message = job.message
        self._deadline = job.deadline
        self._admissions: list[Admission] = []
        self._demand: Demand | None = None
        self.free: str | None = None

    async def ask(self, delivery: Delivery, path: Path) -> tuple[Delivery, Path]:
        """See `Pipeline.ask`; and the path without the instances whose turn it is not."""
        delivery, admission = await self._policies.ask(delivery, self._message, path.names, self._deadline)
        said, path = self.admitted(admission, path)
        return (delivery.evolve(steps=(*delivery.steps, *said)) if said else delivery), path

    def admitted(
        self, admission: Admission, path: Path, demand: Demand | None = None
    ) -> tuple[tuple[str, ...], Path]:
        """The ledger's answer: what `explain()` says of the instances whose turn it is not, and the path
        without them. demand: what was asked for, where that is known.
        """
        self._demand = demand
        self._admissions.append(admission)
        self.free = admission.instance
        over = admission.passed_over
        if not over:
            return (), path
        said = [passed_over(instance, why) for instance, why in over]
        return tuple(said), path.without({instance for instance, _ in over})

    async def turn(self, instance: str, copies: int) -> str | None:
        """Take an instance's turn before a submission; a sentence where it has none.

        copies: how many may be out already. Raises LedgerUnavailable.
        """
        admission, why = await self._policies.turn(self._message, instance, copies)
        self._admissions.append(admission)
        return why

    def unused(self, delivery: Delivery) -> list[Taken]:
        """See `Pipeline.unused`."""
        return self._policies.unused(self._message, delivery, self._admissions, self._demand)

    async def settle(self, delivery: Delivery, back: Sequence[Taken]) -> None:
        """See `Pipeline.settle`."""
        await self._policies.settle(self._message, delivery, back)
