"""Pipeline: the policies of a hub, asked in order, and the one question to the ledger that follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from notifyhub.ledger import Admission, Ledger, Question, Suppression, Turn
from notifyhub.log import get_logger
from notifyhub.message import Message, new_id
from notifyhub.outcome import Delivery, Outcome, OutcomeKind, Status
from notifyhub.policies.counts import Counts
from notifyhub.policies.suppression_list import SuppressionList
from notifyhub.policies.vendor_limits import VendorLimits
from notifyhub.policy import (
    Allow,
    BillsPolicy,
    CountsPolicy,
    Decision,
    Defer,
    Policy,
    SettlesPolicy,
    Suppress,
)
from notifyhub.quota import Quota, Refusal, Taken
from notifyhub.reason import Reason

__all__ = ["NOTHING_TAKEN", "Admit", "Pipeline", "passed_over"]

_log = get_logger("notifyhub.policies")
_ACCEPTED = Status.ACCEPTED  # a look-up in an Enum class is slow
NOTHING_TAKEN = Admission()
Admit: TypeAlias = Callable[[Question], Awaitable[Admission]]


class _Stop(NamedTuple):
    """The policy that does not allow a message, and what it says."""

    policy: Policy
    decision: Decision


class Pipeline:
    """Asks each policy; the first that does not allow ends it. Those that allowed are told the end.

    ledger: counts for all workers together, and keeps the suppression list. asks_ledger: whether any
    policy needs it.
    """

    def __init__(self, policies: Sequence[Policy], ledger: Ledger) -> None:
        self.policies = tuple(policies)
        self._ledger = ledger
        # What every one of `Counts` does needs no call.
        self._deciding = tuple([(n, p) for n, p in enumerate(self.policies) if not _leaves(p, "decide")])
        self._allowed = tuple(f"policy: {policy.name} allows" for policy in self.policies)
        self._settling = tuple(policy for policy in self.policies if isinstance(policy, SettlesPolicy))
        self._counting = tuple(policy for policy in self.policies if isinstance(policy, CountsPolicy))
        self._returning = tuple([p for p in self._counting if not _leaves(p, "used")])
        self._billing = tuple(policy for policy in self.policies if isinstance(policy, BillsPolicy))
        self._list = next((p for p in self.policies if isinstance(p, SuppressionList)), None)
        self._vendors = next((p for p in self.policies if isinstance(p, VendorLimits)), None)
        # Not by its truth: a list without addresses of its own is empty, and the ledger's need not be.
        self.asks_ledger = bool(self._counting) or self._list is not None or self._vendors is not None

    async def ask(
        self,
        delivery: Delivery,
        message: Message,
        instances: Sequence[str],
        admit: Admit | None = None,
        deadline: datetime | None = None,
    ) -> tuple[Delivery, Admission]:
        """The delivery after the policies: still `sending`, or `suppressed`, or `deferred` until its due.

        instances: names of those that may carry it, in order. The admission says whose turn it is and what
        was taken; give it to `settle` in the end. admit: instead of `Ledger.admit`, for whoever does more in
        the same transaction. deadline: after it the message is of no use, so no place is kept for it then.
        Raises what `admit` raises, LedgerUnavailable: then nothing may be sent.
        """
        for number, policy in self._deciding:
            decision = await _decide(policy, message)
            if not isinstance(decision, Allow):
                stopped = _stopped(delivery, self._allowed[:number], policy, decision)
                await self._tell(self.policies[:number], message, stopped)
                return stopped, NOTHING_TAKEN
        admission = NOTHING_TAKEN
        if self.asks_ledger:
            try:
                admission, stop = await self._admit(message, instances, admit or self._ledger.admit, deadline)
            except BaseException:
                unsent = delivery.evolve(status=Status.NOT_SENT, reason=Reason.INTERRUPTED)
                await self._tell(self._settling, message, unsent)
                raise
            if stop is not None:
                others = tuple(p for p in self.policies if p is not stop.policy)
                before = self._allowed[: self.policies.index(stop.policy)]
                stopped = _stopped(delivery, before, *stop)
                await self._tell(others, message, stopped)
                return stopped, NOTHING_TAKEN
        return delivery.evolve(steps=(*delivery.steps, *self._allowed)), admission

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
            except Exception as error:  # noqa: BLE001 - as in `_decide`
                why = _failed(policy, message, error).why
                return NOTHING_TAKEN, f"policy: {policy.name} allows no further copy: {why}"
        if not (address or quotas or (turns and turns[0].quotas)):
            return Admission(instance=instance), None
        # Under an id of its own: a second submission counts a second time, as it does for the vendor.
        question = Question(new_id(), message.channel, message.category, address, tuple(quotas), turns)
        admission = await self._ledger.admit(question)
        against = admission.listed or admission.refused
        if against is None and turns and admission.instance is None:
            against = admission.passed_over[0][1]
        if against is not None:
            return NOTHING_TAKEN, passed_over(instance, against)
        return admission._replace(instance=instance), None

    async def settle(self, message: Message, delivery: Delivery, taken: Sequence[Admission]) -> None:
        """Give back what was taken for nothing, and tell every policy how a message ended, once it has.

        Raises nothing: what cannot be given back stays taken, which errs on the safe side.
        """
        back = self._unused(message, delivery, taken)
        if back:
            await self._give_back(back, delivery)
        if self._settling and delivery.status.is_final:
            await self._tell(self._settling, message, delivery)

    @property
    def takes_turns(self) -> bool:
        """Whether `turn` may say no."""
        return self._list is not None or self._vendors is not None or bool(self._billing)

    @property
    def settles(self) -> bool:
        """Whether `settle` may have anything to do."""
        return bool(self._settling) or self.asks_ledger

    async def _admit(
        self, message: Message, instances: Sequence[str], admit: Admit, deadline: datetime | None
    ) -> tuple[Admission, _Stop | None]:
        quotas: list[Quota] = []
        owners: list[tuple[int, CountsPolicy]] = []
        for policy in self._counting:
            try:
                quotas += policy.quotas(message, instances)
            except Exception as error:  # noqa: BLE001 - as in `_decide`
                return NOTHING_TAKEN, _Stop(policy, _failed(policy, message, error))
            owners.append((len(quotas), policy))
        turns = self._turns(message, instances)
        question = Question(
            message.id,
            message.channel,
            message.category,
            "" if self._list is None else message.to,
            tuple(quotas),
            turns,
            deadline,
        )
        admission = await admit(question)
        if admission.listed is not None and self._list is not None:
            return admission, _Stop(self._list, self._list.listed(admission.listed))
        refusal = admission.refused
        if refusal is None:
            return admission, None
        if refusal.instance is not None and self._vendors is not None:
            return admission, _Stop(self._vendors, self._vendors.refuse(message, refusal))
        place = quotas.index(refusal.quota)
        policy = next(policy for end, policy in owners if place < end)
        try:
            return admission, _Stop(policy, policy.refuse(message, refusal))
        except Exception as error:  # noqa: BLE001 - as in `_decide`
            return admission, _Stop(policy, _failed(policy, message, error))

    def _turns(self, message: Message, instances: Sequence[str]) -> tuple[Turn, ...]:
        """Whose turn to ask for; nobody's where nothing can speak against one instance only."""
        if self._vendors is not None:
            return self._vendors.turns(message, instances)
        # Without limits of its own, an instance may still be one that the list forbids for this address.
        return () if self._list is None else tuple([Turn(name) for name in instances])

    def _unused(self, message: Message, delivery: Delivery, admissions: Sequence[Admission]) -> list[Taken]:
        """What nothing went out for: at each instance, and altogether."""
        if not admissions:
            return []
        mostly = len(admissions) == 1 and delivery.status is _ACCEPTED and not self._returning
        if mostly and delivery.provider == admissions[0].instance:
            return []
        asked = [attempt.provider for attempt in delivery.attempts if _may_count(attempt.outcome)]
        back = [each for a in admissions if a.turn and a.instance not in asked for each in a.turn]
        if not delivery.copies:
            return [*back, *[each for a in admissions for each in a.taken]]
        if not self._returning:
            return back
        taken = [each for a in admissions for each in a.taken]
        for policy in self._returning:
            try:
                back += policy.used(message, delivery, taken)
            except Exception as error:  # noqa: BLE001 - the message is sent; bookkeeping cannot undo it
                _failed(policy, message, error)
        return back

    async def _give_back(self, back: Sequence[Taken], delivery: Delivery) -> None:
        try:
            await self._ledger.give_back(back)
        except Exception as error:  # noqa: BLE001 - it stays counted: less is sent, never more
            _log.warning("quota_not_given_back", delivery=delivery.id, error=type(error).__name__)

    async def _tell(self, policies: Sequence[Policy], message: Message, delivery: Delivery) -> None:
        for policy in policies:
            if not isinstance(policy, SettlesPolicy):
                continue
            try:
                await policy.settle(message, delivery)
            except Exception as error:  # noqa: BLE001 - the message is sent; a policy's bookkeeping cannot undo it
                _failed(policy, message, error)


def passed_over(instance: str, why: Refusal | Suppression) -> str:
    """A sentence about an instance whose turn it is not, for `explain()`."""
    if isinstance(why, Suppression):
        return f"turn: {instance} is passed over: the address is on the suppression list ({why.reason})"
    free = datetime.fromtimestamp(why.free_at / 1e6, UTC).isoformat(timespec="seconds")
    return f"turn: {instance} is passed over: {why.quota.name} is used up until {free}"


def _leaves(policy: Policy, method: str) -> bool:
    """Whether a policy leaves a method as `Counts` has it."""
    return getattr(type(policy), method, None) is getattr(Counts, method)


def _may_count(outcome: Outcome) -> bool:
    """Whether its vendor may have counted it. Whether it counts what it refuses, nobody knows."""
    return outcome.kind is not OutcomeKind.NOT_SENT and outcome.reason is not Reason.UNSUPPORTED


async def _decide(policy: Policy, message: Message) -> Decision:
    try:
        return await policy.decide(message)
    except Exception as error:  # noqa: BLE001 - a policy that cannot answer must not let the message through
        return _failed(policy, message, error)


def _failed(policy: Policy, message: Message, error: Exception) -> Suppress:
    _log.error("policy_failed", policy=policy.name, delivery=message.id, error=type(error).__name__)
    return Suppress(f"the policy raised {type(error).__name__}; without its answer nothing is sent")


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
