"""Pipeline: the policies of a hub, asked in order, and the one question to the ledger that follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, TypeAlias, TypeGuard

from notifyhub.category import Category
from notifyhub.ledger import Admission, Demand, Ledger, Question, Suppression, Turn
from notifyhub.log import get_logger
from notifyhub.message import Message, new_id
from notifyhub.outcome import Delivery, Outcome, OutcomeKind, Status
from notifyhub.policies.at_once import AtOnce
from notifyhub.policies.budgets import Budgets
from notifyhub.policies.counts import Counts
from notifyhub.policies.suppression_list import SuppressionList
from notifyhub.policies.vendor_limits import VendorLimits
from notifyhub.policy import (
    ALLOW,
    Allow,
    BillsPolicy,
    CountsPolicy,
    Decision,
    Defer,
    Policy,
    SettlesPolicy,
    Suppress,
)
from notifyhub.quota import Low, Quota, Refusal, Taken
from notifyhub.reason import Reason

__all__ = ["Pipeline", "Stop", "passed_over"]

_log = get_logger("notifyhub.policies")
_ACCEPTED = Status.ACCEPTED  # a look-up in an Enum class is slow
NOTHING_TAKEN = Admission()
_MANY = 1024
"""Demands that are remembered."""


_Decide: TypeAlias = Callable[[Message], Decision]


class Stop(NamedTuple):
    """The policy that does not allow a message, and what it says. late: when all had allowed it already."""

    policy: Policy
    decision: Decision
    late: bool = False


class Pipeline:
    """Asks each policy; the first that does not allow ends it. Those that allowed are told the end.

    ledger: counts for all workers together, and keeps the suppression list. asks_ledger: whether any
    policy needs it.
    """

    def __init__(self, policies: Sequence[Policy], ledger: Ledger) -> None:
        self.policies = tuple(policies)
        self._ledger = ledger
        self._deciding = {category: self._deciding_on(category) for category in Category}
        names = [policy.name for policy in self.policies]
        self._allowed = tuple([_allowed(names[:number]) for number in range(len(names) + 1)])
        self._settling = tuple(policy for policy in self.policies if isinstance(policy, SettlesPolicy))
        self._counting = tuple(policy for policy in self.policies if isinstance(policy, CountsPolicy))
        self._returning = tuple([
            (place, policy) for place, policy in enumerate(self._counting)
            if not _leaves(policy, "used", Counts)
        ])  # fmt: skip
        self._billing = tuple(policy for policy in self.policies if isinstance(policy, BillsPolicy))
        self._list = next((p for p in self.policies if isinstance(p, SuppressionList)), None)
        self._vendors = next((p for p in self.policies if isinstance(p, VendorLimits)), None)
        self._turns = _nobodys if self._list is None else _free
        if self._vendors is not None:
            self._turns = self._vendors.turns
        # What a demand was made of is kept with it: nothing else can be at those places in memory then.
        self._demands: dict[tuple[int, ...], tuple[Demand, tuple[object, ...]]] = {}
        # Not by its truth: a list without addresses of its own is empty, and the ledger's need not be.
        self.asks_ledger = bool(self._counting) or self._list is not None or self._vendors is not None
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
        asked = await self.question(message, instances, deadline)
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

    async def question(
        self, message: Message, instances: tuple[str, ...], deadline: datetime | None
    ) -> Question | Stop | None:
        """What is to be asked of the ledger, if anything is, where every policy allows it by itself; else the
        first that does not.
        """
        for policy, at_once in self._deciding[message.category]:
            try:
                decision = await policy.decide(message) if at_once is None else at_once(message)
            except Exception as error:  # noqa: BLE001 - what cannot answer must not let the message through
                decision = _failed(policy, message, error)
            if decision is not ALLOW and not isinstance(decision, Allow):
                return Stop(policy, decision)
        if not self.asks_ledger:
            return None
        parts: list[Sequence[Quota]] = []
        for policy in self._counting:
            try:
                parts.append(policy.quotas(message, instances))
            except Exception as error:  # noqa: BLE001 - as above
                return Stop(policy, _failed(policy, message, error), late=True)
        turns = self._turns(message, instances)
        known = self._demands.get((id(turns), *map(id, parts)))
        demand = self._demand(parts, turns) if known is None else known[0]
        address = "" if self._list is None else message.to
        return _question(message, demand, address, deadline, message.id)

    def against(self, message: Message, admission: Admission, question: Question) -> Stop | None:
        """The policy that the ledger's answer speaks for, where something was `listed` or `refused`."""
        if admission.listed is not None and self._list is not None:
            return Stop(self._list, self._list.listed(admission.listed), late=True)
        refusal = admission.refused
        if refusal is None:
            return None
        if refusal.instance is not None and self._vendors is not None:
            return Stop(self._vendors, self._vendors.refuse(message, refusal), late=True)
        demand = question.demand
        asking = zip(self._counting, demand.parts, strict=True)
        policy = next(policy for policy, quotas in asking if refusal.quota in quotas)
        try:
            decision = policy.refuse(message, refusal)
        except Exception as error:  # noqa: BLE001 - as in `question`
            decision = _failed(policy, message, error)
        return Stop(policy, decision, late=True)

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
        await self._tell([policy for policy in asked if policy is not stop.policy], message, stopped)
        return stopped

    async def not_asked(self, delivery: Delivery, message: Message) -> None:
        """Tell those that had allowed it that it was not sent, because the ledger could not be asked."""
        if self._settling:
            unsent = delivery.evolve(status=Status.NOT_SENT, reason=Reason.INTERRUPTED)
            await self._tell(self._settling, message, unsent)

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
                why = _failed(policy, message, error).why
                return NOTHING_TAKEN, f"policy: {policy.name} allows no further copy: {why}"
        if not (address or quotas or (turns and turns[0].quotas)):
            return Admission(instance=instance), None
        # Under an id of its own: a second submission counts a second time, as it does for the vendor.
        demand = Demand(quotas, turns)
        admission = await self._ledger.admit(_question(message, demand, address, None, new_id()))
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
            await self._tell(self._settling, message, delivery)

    def _demand(self, parts: Sequence[Sequence[Quota]], turns: tuple[Turn, ...]) -> Demand:
        """What all of them want together; kept for when they want the very same again."""
        demand = Demand([quota for part in parts for quota in part], turns, parts)
        if all(type(part) is tuple for part in parts):  # a list may be another one tomorrow
            if len(self._demands) >= _MANY:
                self._demands.clear()
            self._demands[id(turns), *map(id, parts)] = demand, (turns, *parts)
        return demand

    def _deciding_on(self, category: Category) -> tuple[tuple[Policy, _Decide | None], ...]:
        """Those that may say something by themselves, and how without a coroutine.

        What every one of `Counts` does needs no call.
        """
        asked = [policy for policy in self.policies if not _leaves(policy, "decide", Counts)]
        return tuple([
            (policy, policy.decide_at_once if _at_once(policy) else None)
            for policy in asked if not (_at_once(policy) and not policy.concerns(category))
        ])  # fmt: skip

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
                _failed(policy, message, error)
        return back

    async def _tell(self, policies: Sequence[Policy], message: Message, delivery: Delivery) -> None:
        for policy in policies:
            if not isinstance(policy, SettlesPolicy):
                continue
            try:
                await policy.settle(message, delivery)
            except Exception as error:  # noqa: BLE001 - the message is sent; a policy's bookkeeping cannot undo it
                _failed(policy, message, error)


def _nobodys(message: Message, instances: tuple[str, ...]) -> tuple[Turn, ...]:
    """Nobody's turn is asked for, where nothing can speak against one instance only."""
    return ()


def _free(message: Message, instances: tuple[str, ...]) -> tuple[Turn, ...]:
    """Without limits of its own, an instance may still be one that the list forbids for this address."""
    return _free_turns(instances)


@lru_cache(256)
def _free_turns(instances: tuple[str, ...]) -> tuple[Turn, ...]:
    return tuple([Turn(name) for name in instances])


def passed_over(instance: str, why: Refusal | Suppression) -> str:
    """A sentence about an instance whose turn it is not, for `explain()`."""
    if isinstance(why, Suppression):
        return f"turn: {instance} is passed over: the address is on the suppression list ({why.reason})"
    free = datetime.fromtimestamp(why.free_at / 1e6, UTC).isoformat(timespec="seconds")
    return f"turn: {instance} is passed over: {why.quota.name} is used up until {free}"


def _question(
    message: Message, demand: Demand, address: str, deadline: datetime | None, delivery_id: str
) -> Question:
    words = f"{message.subject or ''}\x1e{message.text}" if demand.worded else ""
    return Question(
        delivery_id, message.channel, message.category, address, demand, deadline, message.to, words
    )


def _allowed(names: Sequence[str]) -> tuple[str, ...]:
    """That these policies allow it, in one step for `explain()`."""
    if len(names) < 2:
        return tuple([f"policy: {name} allows" for name in names])
    return (f"policies: {', '.join(names[:-1])} and {names[-1]} allow",)


def _at_once(policy: Policy) -> TypeGuard[AtOnce]:
    """Whether a policy decides without waiting. Whoever overrides `decide` means to be asked by that."""
    return _leaves(policy, "decide", AtOnce)


def _leaves(policy: Policy, method: str, base: type) -> bool:
    """Whether a policy leaves a method as this base has it."""
    return getattr(type(policy), method, None) is getattr(base, method)


def _may_count(outcome: Outcome) -> bool:
    """Whether its vendor may have counted it. Whether it counts what it refuses, nobody knows."""
    return outcome.kind is not OutcomeKind.NOT_SENT and outcome.reason is not Reason.UNSUPPORTED


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
