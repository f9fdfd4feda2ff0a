"""Budgets: how much may go out in a day, in messages, in parts or in money."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from notifyhub.log import get_logger
from notifyhub.message import Message
from notifyhub.outcome import Delivery
from notifyhub.policies.billing import MILLION, Billing, Unit
from notifyhub.policies.counts import Counts
from notifyhub.policies.excess import Over, PolicyOf, decision_on, utc_now
from notifyhub.policies.kinds import PerKind
from notifyhub.policy import Decision
from notifyhub.quota import Limit, LimitRule, Low, Quota, Refusal, Taken, offset_of

__all__ = ["Budget", "Budgets", "Unit"]

_log = get_logger("notifyhub.policies")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """So much in each window of the calendar.

    rule: its name, what it is for, and its one limit, a fixed window; `money` is in millionths.
    warn_at: the share at which a warning is logged. over: as of a limit.
    """

    rule: LimitRule
    unit: Unit = "parts"
    warn_at: float = 0.8
    over: Over | None = None

    @property
    def limit(self) -> Limit:
        """How much, in how many seconds."""
        return self.rule.limits[0]

    @property
    def low(self) -> int:
        """From so much used up on it is warned."""
        return max(1, math.ceil(self.warn_at * self.limit.amount))

    @property
    def name(self) -> str:
        """Of its quotas. Without the amount: whoever raises it at noon goes on with what the morning used."""
        return f"budget {self.rule.name}, {self.unit}"


class Budgets(Counts):
    """Keeps the budgets that `[[policies.budgets]]` sets: reserved before sending, never exceeded.

    What is reserved is one copy by the dearest instance on the route. What was billed is known afterwards,
    and the difference is given back; a copy beyond the first is reserved before it is submitted, by the
    instance that it goes to. What may have gone counts as gone.

    policy_of: the delivery policy of a category. zone: whose midnight the windows begin at. clock: aware
    datetimes; the ledger counts by its own.
    """

    name = "budgets"

    def __init__(
        self,
        budgets: Sequence[Budget],
        billing: Billing,
        policy_of: PolicyOf,
        zone: tzinfo,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._budgets = {budget.name: budget for budget in budgets}
        self._billing = billing
        self._policy_of = policy_of
        self._zone = zone
        self._clock = clock
        self._told: dict[tuple[str, str], int] = {}
        self.names = self._budgets.keys()
        """Of its quotas."""
        # Their windows begin at the zone's midnight, whatever a rule says.
        self._fitting = PerKind([each.rule for each in budgets], self._of_kind, clock, by_calendar=True)

    def quotas(self, message: Message, instances: Sequence[str]) -> Sequence[Quota]:
        """One copy, by the dearest of those that may carry it."""
        fitting = self._fitting(message, None)
        if not fitting.budgets:
            return ()
        parts = self._billing.parts(message, instances) if fitting.in_parts else 1
        money = self._billing.money(message, instances) if fitting.in_money else 1
        quotas = fitting.quotas.get((parts, money))
        if quotas is None:
            quotas = fitting.quotas[parts, money] = fitting.costing({"parts": parts, "money": money})
        return quotas

    def another(self, message: Message, instance: str) -> Sequence[Quota]:
        """One more copy, by this instance."""
        return self.quotas(message, (instance,))

    def refuse(self, message: Message, refusal: Refusal) -> Decision:
        """Defer it to the next window, or suppress it; said in the log once a window."""
        budget = self._budgets[refusal.quota.name]
        now = self._clock()
        if self._first("used up", refusal.quota, int(now.timestamp() * MILLION)):
            _log.error("budget_used_up", budget=budget.rule.name, **_in_units(budget, budget.limit.amount))
        return decision_on(message, refusal, self._policy_of(message.category), budget.over, now)

    def warn(self, low: Low) -> None:
        """Say in the log that a budget is used up to its share; once a window."""
        if self._first("low", low.quota, low.at):
            budget = self._budgets[low.quota.name]
            _log.warning("budget_low", budget=budget.rule.name, **_in_units(budget, low.used))

    def as_reserved(self, delivery: Delivery, quotas: Sequence[Quota]) -> bool:
        """Whether that was billed which was reserved: one copy, as costly as was thought."""
        if len(delivery.attempts) != 1:
            return False
        attempt = delivery.attempts[0]
        parts, cost = attempt.outcome.parts, self._billing.cost
        if not parts:
            return self._billing.alike
        units = [self._budgets[quota.name].unit for quota in quotas]
        return [quota.amount for quota in quotas] == [cost(unit, parts, attempt.provider) for unit in units]

    def used(self, message: Message, delivery: Delivery, taken: Sequence[Taken]) -> Sequence[Taken]:
        """What was reserved and not billed."""
        back: list[Taken] = []
        by_name: dict[str, list[Taken]] = {}
        for each in taken:
            if each.quota.name in self._budgets:
                by_name.setdefault(each.quota.name, []).append(each)
        for name, ours in by_name.items():
            budget = self._budgets[name]
            spare = sum([each.amount for each in ours])
            for attempt in delivery.attempts:
                if attempt.outcome.may_have_gone:
                    parts = self._billing.billed(message, attempt)
                    spare -= self._billing.cost(budget.unit, parts, attempt.provider)
            for each in ours:
                if spare > 0:
                    back.append(each._replace(amount=min(spare, each.amount)))
                    spare -= each.amount
        return back

    def _of_kind(self, message: Message, _: None, at: datetime) -> _Fitting:
        budgets = [budget for budget in self._budgets.values() if budget.rule.fits(message)]
        apart = [budget.rule.apart(message) for budget in budgets]
        return _Fitting(budgets, apart, offset_of(self._zone, at))

    def _first(self, what: str, quota: Quota, at: int) -> bool:
        """Whether this is told for the first time in the window of this time (microseconds)."""
        window = (at + quota.offset * MILLION) // int(quota.limit.seconds * MILLION)
        first = self._told.get((quota.name, what)) != window
        self._told[quota.name, what] = window
        return first


class _Fitting:
    """Budgets that are for messages of one kind. apart: what each of them counts apart. offset: of quotas.

    quotas: what was made by `costing`, by what the message costs in parts and in money.
    """

    def __init__(self, budgets: Sequence[Budget], apart: Sequence[str], offset: int) -> None:
        self.budgets = tuple(zip(budgets, apart, strict=True))
        self.offset = offset
        self.in_parts = any(budget.unit == "parts" for budget in budgets)
        self.in_money = any(budget.unit == "money" for budget in budgets)
        self.quotas: dict[tuple[int, int], tuple[Quota, ...]] = {}

    def costing(self, costs: Mapping[Unit, int]) -> tuple[Quota, ...]:
        """What a message takes that costs so much."""
        named = [(costs.get(budget.unit, 1), budget, apart) for budget, apart in self.budgets]
        return tuple([
            Quota(budget.name, budget.rule.about, budget.limit, cost, self.offset, apart, budget.low)
            for cost, budget, apart in named if cost
        ])  # fmt: skip


def _in_units(budget: Budget, used: int) -> dict[str, object]:
    each = MILLION if budget.unit == "money" else 1
    return {"used": used / each, "of": budget.limit.amount / each, "unit": budget.unit}
