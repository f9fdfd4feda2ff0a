"""Excess: what becomes of a message for which a quota had not enough left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal, TypeAlias

from notifyhub.category import Category, DeliveryPolicy
from notifyhub.message import Message
from notifyhub.policy import Decision, Defer, Suppress
from notifyhub.quota import Refusal

__all__ = ["Over", "PolicyOf", "decision_on", "utc_now"]

Over: TypeAlias = Literal["defer", "suppress"]
PolicyOf: TypeAlias = Callable[[Category], DeliveryPolicy]


utc_now: Callable[[], datetime] = partial(datetime.now, UTC)
"""The time, aware."""


def decision_on(
    message: Message, refusal: Refusal, policy: DeliveryPolicy, over: Over | None, now: datetime
) -> Decision:
    """Defer it until there is room again, or suppress it: as `over` says, else as its category does.

    What would be too late by then is suppressed at once. now: aware.
    """
    free = datetime.fromtimestamp(refusal.free_at / 1e6, UTC)
    why = f"{refusal.quota.name} is used up"
    if refusal.quota.amount > refusal.quota.limit.amount:
        return Suppress(f"{refusal.quota.name} never has as much as it takes")
    if (over or policy.limited) == "suppress":
        return Suppress(why)
    late = policy.ends(now, message.expires_at)
    if free >= late:
        return Suppress(f"{why}; its turn would be at {free.isoformat(timespec='seconds')}, too late for it")
    # At once is what made it too much; a moment is the least that says "later".
    return Defer(max(free, now + timedelta(milliseconds=1)), why)
