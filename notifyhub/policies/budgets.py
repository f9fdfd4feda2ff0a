"""Budgets: how much may go out in a day, in messages, in parts or in money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal, TypeAlias

from notifyhub.log import get_logger
from notifyhub.message import Message
from notifyhub.outcome import Attempt, Delivery
from notifyhub.policies.billing import MILLION, Billing
from notifyhub.policies.counts import Counts
from notifyhub.policies.excess import Over, PolicyOf, decision_on, utc_now
from notifyhub.policy import Decision
from notifyhub.quota import Limit, LimitRule, Quota, Refusal, Taken, about, offset_of

__all__ = ["Budget", "Budgets", "Unit"]

_log = get_logger("notifyhub.policies")

Unit: TypeAlias = Literal["messages", "parts", "money"]


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

    def quotas(self, message: Message, instances: Sequence[str]) -> Sequence[Quota]:
        """One copy, by the dearest of those that may carry it."""
        offset = offset_of(self._zone, self._clock())
        return [
            Quota(
                budget.name,
                about(message, budget.rule.per),
                budget.limit,
                amount,
                offset,
                budget.rule.apart(message),
            )
            for budget in self._budgets.values()
            if budget.rule.fits(message) and (amount := self._most(budget, message, instances))
        ]

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

    def used(self, message: Message, delivery: Delivery, taken: Sequence[Taken]) -> Sequence[Taken]:
        """What was reserved and not billed."""
        back: list[Taken] = []
        by_name: dict[str, list[Taken]] = {}
        for each in taken:
            if each.quota.name in self._budgets:
                by_name.setdefault(each.quota.name, []).append(each)
        for name, ours in by_name.items():
            budget = self._budgets[name]
            self._warn(budget, max(ours, key=lambda each: each.used))
            billed = sum(
                self._billed(budget, message, attempt)
                for attempt in delivery.attempts
                if attempt.outcome.may_have_gone
            )
            spare = sum(each.amount for each in ours) - billed
            for each in ours:
                if spare > 0:
                    back.append(each._replace(amount=min(spare, each.amount)))
                    spare -= each.amount
        return back

    def _most(self, budget: Budget, message: Message, instances: Sequence[str]) -> int:
        if budget.unit == "messages":
            return 1
        cost = self._billing.parts if budget.unit == "parts" else self._billing.money
        return cost(message, instances)

    def _billed(self, budget: Budget, message: Message, attempt: Attempt) -> int:
        if budget.unit == "messages":
            return 1
        cost = self._billing.billed if budget.unit == "parts" else self._billing.paid
        return cost(message, attempt)

    def _warn(self, budget: Budget, taken: Taken) -> None:
        low = taken.used >= budget.warn_at * budget.limit.amount
        if low and self._first("low", taken.quota, taken.at):
            _log.warning("budget_low", budget=budget.rule.name, **_in_units(budget, taken.used))

    def _first(self, what: str, quota: Quota, at: int) -> bool:
        """Whether this is told for the first time in the window of this time (microseconds)."""
        window = (at + quota.offset * MILLION) // int(quota.limit.seconds * MILLION)
        first = self._told.get((quota.name, what)) != window
        self._told[quota.name, what] = window
        return first


def _in_units(budget: Budget, used: int) -> dict[str, object]:
    each = MILLION if budget.unit == "money" else 1
    return {"used": used / each, "of": budget.limit.amount / each, "unit": budget.unit}
