"""VendorLimits: what an instance's vendor takes at most, kept before the vendor has to refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from notifyhub.ledger import Turn
from notifyhub.message import Message
from notifyhub.policies.counts import Counts
from notifyhub.policies.excess import Over, PolicyOf, decision_on, utc_now
from notifyhub.policies.kinds import PerKind
from notifyhub.policy import Decision
from notifyhub.quota import LimitRule, Refusal

__all__ = ["VendorLimits"]


class VendorLimits(Counts):
    """Passes an instance over that would refuse a message for its vendor's limits; the next one is asked.

    Where none of the route is free, it is put off until the first of them is, as its category says.
    Every submission counts, a second copy of a message too, as it does for the vendor.

    limits: what each instance's provider declares (`Capabilities.limits`), by the instance's name; these
    count each instance apart. shared: rules of the application by instance; a rule that stands with several
    instances counts them together. over: by the name of a shared rule, what becomes of what is too much;
    without it, what the category says. policy_of: the delivery policy of a category. clock: aware datetimes;
    the ledger counts by its own.
    """

    name = "vendor_limits"

    def __init__(
        self,
        limits: Mapping[str, Sequence[LimitRule]],
        policy_of: PolicyOf,
        *,
        shared: Mapping[str, Sequence[LimitRule]] | None = None,
        over: Mapping[str, Over | None] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        rules = {name: [(name, rule) for rule in declared] for name, declared in limits.items()}
        for name, added in (shared or {}).items():
            rules.setdefault(name, []).extend(("", rule) for rule in added)
        self._rules = {name: tuple(each) for name, each in rules.items() if each}
        self._over = {
            name: (over or {}).get(rule.name)
            for added in (shared or {}).values() for rule in added for name in rule.names()
        }  # fmt: skip
        self._policy_of = policy_of
        self._clock = clock
        every = [rule for each in self._rules.values() for _, rule in each]
        self._turns: PerKind[Sequence[str], tuple[Turn, ...]] = PerKind(every, self._of_kind, clock)

    def turns(self, message: Message, instances: Sequence[str]) -> tuple[Turn, ...]:
        """What the message takes at each of these instances, given as a tuple."""
        return self._turns(message, instances)

    def refuse(self, message: Message, refusal: Refusal) -> Decision:
        """What follows where no instance is free. refusal: of the one that is free first."""
        over = self._over.get(refusal.quota.name)
        return decision_on(message, refusal, self._policy_of(message.category), over, self._clock())

    def _of_kind(self, message: Message, instances: Sequence[str], at: datetime) -> tuple[Turn, ...]:
        rules = self._rules
        return tuple([
            Turn(name, tuple([
                quota for owner, rule in rules.get(name, ()) for quota in rule.quotas(message, owner, at)
            ]))
            for name in instances
        ])  # fmt: skip
