"""Limits: how often messages of some kind go out, to a number or altogether."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from notifyhub.message import Message
from notifyhub.policies.counts import Counts
from notifyhub.policies.excess import Over, PolicyOf, decision_on, utc_now
from notifyhub.policies.kinds import PerKind
from notifyhub.policy import Decision
from notifyhub.quota import LimitRule, Quota, Refusal

__all__ = ["Limits"]


class Limits(Counts):
    """Keeps the rules that `[[policies.limits]]` (or the application) sets.

    rules: each with what becomes of what is too much: `defer`, `suppress`, or None for what the category's
    delivery policy says. policy_of: the delivery policy of a category. clock: aware datetimes; the ledger
    counts by its own.

    A message counts once, however many copies of it are submitted; what surely did not go out does not
    count.
    """

    name = "limits"

    def __init__(
        self,
        rules: Mapping[LimitRule, Over | None],
        policy_of: PolicyOf,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._rules = tuple(rules)
        self._over = {name: over for rule, over in rules.items() for name in rule.names()}
        self._policy_of = policy_of
        self._clock = clock
        self._quotas = PerKind(rules, self._of_kind, clock)
        self._always: tuple[Quota, ...] | None = None

    def quotas(self, message: Message, instances: Sequence[str]) -> Sequence[Quota]:
        """One of each limit whose rule is for such a message."""
        if self._always is not None:
            return self._always
        quotas = self._quotas(message, None)
        if self._quotas.constant:
            self._always = quotas
        return quotas

    def refuse(self, message: Message, refusal: Refusal) -> Decision:
        """Defer it until there is room, or suppress it."""
        over = self._over.get(refusal.quota.name)
        return decision_on(message, refusal, self._policy_of(message.category), over, self._clock())

    def _of_kind(self, message: Message, _: None, at: datetime) -> tuple[Quota, ...]:
        return tuple([quota for rule in self._rules for quota in rule.quotas(message, at=at)])
