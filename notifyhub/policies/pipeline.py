"""Pipeline: the policies of a hub, asked in order, and the one question to the ledger that follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from notifyhub.ledger import NOTHING_TAKEN, Admission, Demand, Ledger, Suppression
from notifyhub.log import get_logger
from notifyhub.message import Message, new_id
from notifyhub.outcome import Delivery, Outcome, OutcomeKind, Status
from notifyhub.policies.asking import Asking, Stop, failed, interrupted, leaves, question, tell
from notifyhub.policies.budgets import Budgets
from notifyhub.policies.counts import Counts
from notifyhub.policy import BillsPolicy, Decision, Defer, Policy, SettlesPolicy, Suppress
from notifyhub.quota import Low, Quota, Refusal, Taken
from notifyhub.reason import Reason

__all__ = ["Pipeline", "passed_over"]

_log = get_logger("notifyhub.policies")
_ACCEPTED = Status.ACCEPTED  # a look-up in an Enum class is slow


class Pipeline(Asking):
    """Asks each policy; the first that does not allow ends it. Those that allowed are told the end.

    ledger: counts for all workers together, and keeps the suppression list.
    """

    def __init__(self, policies: Sequence[Policy], ledger: Ledger) -> None:
        super().__init__(policies)
        self._ledger = ledger
        names = [policy.name for policy in self.policies]
        self._allowed = tuple([_allowed(names[:number]) for number in range(len(names) + 1)])
        self._settling = tuple(policy for policy in self.policies if isinstance(policy, SettlesPolicy))
        self._returning = tuple([
            (place, policy) for place, policy in enumerate(self._counting)
            if not leaves(policy, "used", Counts)
        ])  # fmt: skip
        self._billing = tuple(policy for policy in self.policies if isinstance(policy, BillsPolicy))
        self.takes_turns = self._list is not None or self._vendors is not None or bool(self._billing)
        """Whether `turn` may say no."""
        self.tells = bool(self._settling)
        """Whether any policy wants to know how it ended."""

    async def ask(
        self,
        delivery: Delivery,
        message: Message,
        instances: tuple[str, ...],
        deadline: datetime | None = None,
    ) -> tuple[Delivery, Admission]:
        """The delivery after the policies: still `sending`, or `suppressed`, or `deferred` until its due.

        instances: names of those that may carry it, in order. The admission says whose turn it is and what
        was taken; give it to `settle` in the end. deadline: after it the message is of no use, so no place
        is kept for it then. Raises LedgerUnavailable: then nothing may be sent.
        """
        asked = await self.question(delivery, message, instances, deadline)
        if isinstance(asked, Stop):
            return await self.stopped(delivery, message, asked), NOTHING_TAKEN
        admission = NOTHING_TAKEN
        if asked is not None:
            try:
                admission = await self._ledger.admit(asked)
            except BaseException:
                await self.not_asked(delivery, message)
                raise
            stop = self.against(message, admission, asked)
            if stop is not None:
                return await self.stopped(delivery, message, stop), NOTHING_TAKEN
        said = self.allowed(admission)
        return delivery.evolve(steps=(*delivery.steps, *said)), admission

    def allowed(self, admission: Admission) -> tuple[str, ...]:
        """What `explain()` says of a delivery that every policy allows."""
        if admission.low:
            self._warn(admission.low)
        return self._allowed[-1]

    async def stopped(self, delivery: Delivery, message: Message, stop: Stop) -> Delivery:
        """A delivery that one of them does not allow; those that had allowed it are told."""
        place = self.policies.index(stop.policy)
        stopped = _stopped(delivery, self._allowed[place], stop.policy, stop.decision)
        asked = self.policies if stop.late else self.policies[:place]
        await tell([policy for policy in asked if policy is not stop.policy], message, stopped)
        return stopped

    async def not_asked(self, delivery: Delivery, message: Message) -> None:
        """Tell those that had allowed it that it was not sent, because the ledger could not be asked."""
        if self._settling:
            await tell(self._settling, message, interrupted(delivery))

    async def turn(self, message: Message, instance: str, copies: int) -> tuple[Admission, str | None]:
        """Whether this instance may be asked as well, and a sentence for `explain()` where it may not.

        copies: how many may be out already; with any, what one more costs is taken along. Raises
        LedgerUnavailable.
        """
        turns = self._turns(message, (instance,))
        address = "" if self._list is None else message.to
        quotas: list[Quota] = []
        for policy in self._billing if copies else ():
            try:
                quotas += policy.another(message, instance)
            except Exception as error:  # noqa: BLE001 - as in `question`
                why = failed(policy, message, error).why
                return NOTHING_TAKEN, f"policy: {policy.name} allows no further copy: {why}"
        if not (address or quotas or (turns and turns[0].quotas)):
            return Admission(instance=instance), None
        # Under an id of its own: a second submission counts a second time, as it does for the vendor.
        demand = Demand(quotas, turns)
        admission = await self._ledger.admit(question(message, demand, address, None, new_id()))
        against = admission.listed or admission.refused
        if against is None and turns and admission.instance is None:
            against = admission.passed_over[0][1]
        if against is not None:
            return NOTHING_TAKEN, passed_over(instance, against)
        self._warn(admission.low)
        return admission.by(instance), None

    def unused(
        self,
        message: Message,
        delivery: Delivery,
        admissions: Sequence[Admission],
        demand: Demand | None = None,
    ) -> list[Taken]:
        """What nothing went out for: at each instance, and altogether. demand: what `question` asked for."""
        back: list[Taken] = []
        mostly = delivery.status is _ACCEPTED and len(admissions) == 1
        if not mostly or admissions[0].instance not in (None, delivery.provider):
            asked = [attempt.provider for attempt in delivery.attempts if _may_count(attempt.outcome)]
            back = [each for a in admissions if a.instance not in asked for each in a.turn]
            if not delivery.copies:
                return [*back, *[each for a in admissions for each in a.taken]]
        if self._returning and admissions and not (mostly and self._as_reserved(delivery, demand)):
            back += self._spare(message, delivery, admissions)
        return back

    async def settle(self, message: Message, delivery: Delivery, back: Sequence[Taken]) -> None:
        """Give back what was taken for nothing, and tell every policy how a message ended, once it has.

        back: what `unused` says. Raises nothing: what cannot be given back stays taken, and less is sent.
        """
        if back:
            try:
                await self._ledger.give_back(back)
            except Exception as error:  # noqa: BLE001 - it stays counted: less is sent, never more
                _log.warning("quota_not_given_back", delivery=delivery.id, error=type(error).__name__)
        if self.tells and delivery.status.is_final:
            await tell(self._settling, message, delivery)

    def _as_reserved(self, delivery: Delivery, demand: Demand | None) -> bool:
        """Whether it cost what was thought, as far as that is seen at a glance."""
        if demand is None:
            return False
        for place, policy in self._returning:
            if not isinstance(policy, Budgets) or not policy.as_reserved(delivery, demand.parts[place]):
                return False
        return True

    def _warn(self, low: Sequence[Low]) -> None:
        for each in low:
            for policy in self._counting:
                if isinstance(policy, Budgets) and each.quota.name in policy.names:
                    policy.warn(each)

    def _spare(self, message: Message, delivery: Delivery, admissions: Sequence[Admission]) -> list[Taken]:
        """What policies give back of what was taken, although it has gone out."""
        back: list[Taken] = []
        taken = [each for a in admissions for each in a.taken]
        for _, policy in self._returning:
            try:
                back += policy.used(message, delivery, taken)
            except Exception as error:  # noqa: BLE001 - the message is sent; bookkeeping cannot undo it
                failed(policy, message, error)
        return back


def passed_over(instance: str, why: Refusal | Suppression) -> str:
    """A sentence about an instance whose turn it is not, for `explain()`."""
    if isinstance(why, Suppression):
        return f"turn: {instance} is passed over: the address is on the suppression list ({why.reason})"
    free = datetime.fromtimestamp(why.free_at / 1e6, UTC).isoformat(timespec="seconds")
    return f"turn: {instance} is passed over: {why.quota.name} is used up until {free}"


def _allowed(names: Sequence[str]) -> tuple[str, ...]:
    """That these policies allow it, in one step for `explain()`."""
    if len(names) < 2:
        return tuple([f"policy: {name} allows" for name in names])
    return (f"policies: {', '.join(names[:-1])} and {names[-1]} allow",)


def _may_count(outcome: Outcome) -> bool:
    """Whether its vendor may have counted it. Whether it counts what it refuses, nobody knows."""
    return outcome.kind is not OutcomeKind.NOT_SENT and outcome.reason is not Reason.UNSUPPORTED


def _stopped(delivery: Delivery, allowed: tuple[str, ...], policy: Policy, decision: Decision) -> Delivery:
    if isinstance(decision, Defer):
        status, why, due = Status.DEFERRED, decision.why, decision.until
        step = f"policy: {policy.name} defers until {due.isoformat()}: {why}"
    else:
        status, due = Status.SUPPRESSED, None
        why = decision.why if isinstance(decision, Suppress) else f"it decided {type(decision).__name__}"
        step = f"policy: {policy.name} suppresses: {why}"
    steps = (*delivery.steps, *allowed, step)
    return delivery.evolve(status=status, detail=f"{policy.name}: {why}", due=due, steps=steps)
