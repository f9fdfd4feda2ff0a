"""Breaker: the health of one provider instance, read from what its attempts came to.

Which reasons count is the reason table's business. A bad number or a bad text says nothing about
the vendor; an empty account says everything at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from notifyhub.outcome import Outcome
from notifyhub.reason import REASONS, BreakerEffect, Reason

__all__ = ["Breaker", "BreakerState"]


class BreakerState(StrEnum):
    """Whether an instance is asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Opens after `threshold` failures in a row, or at once on an account's refusal.

    While open, the instance is passed over for `cooldown` seconds; then one probe goes through: if
    it is accepted the breaker closes, else it opens again for twice as long (`longest` seconds at most).
    An unanswered probe makes room for another after `cooldown`. Besides, whoever knows better (the balance
    guard) may hold it open until it is released, whatever its attempts come to.

    clock: monotonic seconds.
    """

    __slots__ = (
        "_clock",
        "_cooldown",
        "_failures",
        "_held",
        "_longest",
        "_opened_at",
        "_opened_for",
        "_pause",
        "_probe_at",
        "_threshold",
    )

    LONGEST_PAUSE = 600.0

    def __init__(
        self,
        *,
        threshold: int = 5,
        cooldown: float = 30.0,
        longest: float = LONGEST_PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold = threshold
        self._cooldown = cooldown
        self._longest = max(longest, cooldown)
        self._clock = clock
        self._failures = 0
        self._pause = cooldown
        self._opened_at: float | None = None
        self._probe_at: float | None = None
        self._held: Reason | None = None
        self._opened_for: Reason | None = None

    @property
    def reason(self) -> Reason | None:
        """Why it is open."""
        return self._held or self._opened_for

    @property
    def held(self) -> bool:
        """Whether somebody holds it open."""
        return self._held is not None

    def hold(self, reason: Reason) -> None:
        """Keep it open until `release`."""
        self._held = reason

    def release(self) -> None:
        """Let its attempts decide again; what they opened it for before is over, if it was the same."""
        if self._held is not None and self._held is self._opened_for:
            self._close()
        self._held = None

    @property
    def state(self) -> BreakerState:
        """Where the breaker stands now."""
        if self._held is not None:
            return BreakerState.OPEN
        if self._opened_at is None:
            return BreakerState.CLOSED
        if self._clock() - self._opened_at < self._pause:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN

    def admit(self) -> bool:
        """Whether an attempt may be made now; in the half-open state it takes the one probe."""
        if self._held is not None:
            return False
        if self._opened_at is None:
            return True
        now = self._clock()
        if now - self._opened_at < self._pause:
            return False
        if self._probe_at is not None and now - self._probe_at < self._cooldown:
            return False
        self._probe_at = now
        return True

    def record(self, outcome: Outcome) -> bool:
        """Take an outcome into account. Returns True when it has just opened the breaker."""
        if outcome.reason is None:  # accepted: an outcome's own invariant
            if self._failures or self._opened_at is not None:
                self._close()
            return False
        effect = REASONS[outcome.reason].breaker
        if effect is BreakerEffect.IGNORED:
            # A refusal of this one message still proves that the vendor answers.
            if self._opened_at is not None and outcome.code is not None:
                self._close()
            return False
        self._failures += 1
        was_closed = self._opened_at is None
        if effect is BreakerEffect.OPENS or not was_closed or self._failures >= self._threshold:
            self._pause = self._cooldown if was_closed else min(self._pause * 2, self._longest)
            self._opened_at = self._clock()
            self._probe_at = None
            self._opened_for = outcome.reason
            return was_closed
        return False

    def _close(self) -> None:
        self._failures = 0
        self._pause = self._cooldown
        self._opened_at = self._probe_at = None
        self._opened_for = None
