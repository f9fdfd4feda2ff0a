"""Tally: what has been taken of a limit, and what may be taken of it at a time.

No clock and no I/O: times are given, in microseconds since the epoch. A clock that goes backwards lets
nothing more through: what is taken then is counted at the latest time that was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

from notifyhub.quota import Limit, Quota, Taken

__all__ = ["MOST_ENTRIES", "Fixed", "Sliding", "Tally", "after_others", "tally_from"]

MOST_ENTRIES = 32
"""A limit up to this amount is counted to the microsecond, and by delivery (see `Sheet`): what one has
taken before it does not take again. A greater one is counted by slots, so many to a stretch."""


class Sliding:
    """A great limit: never more than its amount in any stretch.

    slots: when each ends, and how much was taken in it; the oldest first. All of a slot counts as if it had
    been taken at its end, so that no stretch ever has more than the limit; up to a 32nd of the seconds is
    lost by that. promised: the time that was told last to somebody refused.
    """

    __slots__ = ("_sum", "promised", "slots")
    takers: ClassVar[Mapping[str, int]] = MappingProxyType({})

    def __init__(self, promised: int = 0, slots: list[list[int]] | None = None) -> None:
        self.promised = promised
        self.slots = slots or []
        self._sum = sum([amount for _, amount in self.slots])

    @property
    def latest(self) -> int:
        """The latest time that something was counted at."""
        return self.slots[-1][0] if self.slots else 0

    def left(self, quota: Quota, now: int) -> int:
        """How much is left."""
        left = quota.limit.amount - self._sum
        if self.slots:
            over = self._over(quota.limit, now)
            for end, amount in self.slots:
                if end > over:
                    break
                left += amount
        return max(left, 0)

    def known(self, quota: Quota, delivery_id: str, now: int) -> int:
        """0: slots do not say whose they are."""
        return 0

    def take(self, quota: Quota, delivery_id: str, amount: int, now: int) -> tuple[int, int]:
        """Count so much: how much that was, and the time as which it counts."""
        slots, width = self.slots, _width(quota.limit)
        end = max((now // width + 1) * width, self.latest)
        if slots:
            over = self._over(quota.limit, now)
            while slots and slots[0][0] <= over:
                self._sum -= slots.pop(0)[1]
        self._sum += amount
        if slots and slots[-1][0] == end:
            slots[-1][1] += amount
        else:
            slots.append([end, amount])
        return amount, end

    def give_back(self, taken: Taken) -> bool:
        """Count it no longer, or that part of it no longer; whether it was still counted."""
        for slot in self.slots:
            if slot[0] == taken.at and slot[1]:
                less = min(taken.amount, slot[1])
                slot[1] -= less
                self._sum -= less
                return True
        return False

    def free_at(self, quota: Quota, amount: int, now: int) -> int:
        """When so much will be free, if nobody else takes it; after what was promised to others.

        amount: at least 1. For more than the limit ever has it is the far end of a stretch that begins now.
        """
        limit = quota.limit
        free = now + limit.span
        if amount <= limit.amount and self.slots:
            over, lacking = self._over(limit, now), amount - self.left(quota, now)
            for end, taken in self.slots:
                if end > over:
                    free, lacking = end + limit.span, lacking - taken
                    if lacking <= 0:
                        break
        return after_others(self.promised, free, quota, amount, now)

    def until(self, limit: Limit) -> int:
        """When it means nothing any more."""
        return max(self.latest + limit.span, self.promised)

    def written(self) -> list[Any]:
        """As plain values, for `tally_from`."""
        return ["sliding", self.promised, self.slots]

    def _over(self, limit: Limit, now: int) -> int:
        """What was taken at this time or before counts no longer."""
        return max(self.latest - _width(limit), now) - limit.span


class Fixed:
    """Never more than the limit's amount in a window of the calendar.

    start: the window's. used: how much was taken in it. takers: by which delivery, of a small limit.
    promised: as in `Sliding`. A window begins a new count where it begins more than half a window after
    the one before: a day on which the clocks are put back is one day.
    """

    __slots__ = ("promised", "start", "takers", "used")

    def __init__(
        self, promised: int = 0, start: int = 0, used: int = 0, takers: dict[str, int] | None = None
    ) -> None:
        self.promised = promised
        self.start = start
        self.used = used
        self.takers = takers if takers is not None else {}

    def left(self, quota: Quota, now: int) -> int:
        """How much is left."""
        left = quota.limit.amount
        if not self._is_over(quota, now):
            left -= self.used
        return max(left, 0)

    def known(self, quota: Quota, delivery_id: str, now: int) -> int:
        """How much this delivery has taken in this window; 0 where it is not kept whose it was."""
        known = self.takers.get(delivery_id, 0) if self.takers else 0
        return 0 if not known or self._is_over(quota, now) else known

    def take(self, quota: Quota, delivery_id: str, amount: int, now: int) -> tuple[int, int]:
        """Count so much, less what this delivery has taken already: how much more that was, and the time
        as which it counts.
        """
        if self._is_over(quota, now):
            self.start, self.used, self.takers = _window(quota, now), 0, {}
        if quota.limit.amount <= MOST_ENTRIES:
            known = self.takers.get(delivery_id, 0)
            amount = max(amount - known, 0)
            self.takers[delivery_id] = known + amount
        self.used += amount
        return amount, max(now, self.start)

    def give_back(self, taken: Taken) -> bool:
        """Count it no longer, or that part of it no longer; whether it was still counted."""
        if self._is_over(taken.quota, taken.at) or taken.at < self.start:
            return False
        amount = min(taken.amount, self.used)
        if taken.quota.limit.amount <= MOST_ENTRIES:
            known = self.takers.pop(taken.delivery_id, 0)
            amount = min(amount, known)
            if known > amount:
                self.takers[taken.delivery_id] = known - amount
        self.used -= amount
        return amount > 0

    def free_at(self, quota: Quota, amount: int, now: int) -> int:
        """When the next window begins; after what was promised to others. See `Sliding.free_at`."""
        free = max(_window(quota, now), self.start) + quota.limit.span
        if amount > quota.limit.amount:
            free = max(free, now + quota.limit.span)
        return after_others(self.promised, free, quota, amount, now)

    def until(self, limit: Limit) -> int:
        """When it means nothing any more."""
        return max(self.start + 2 * limit.span, self.promised)

    def written(self) -> list[Any]:
        """As plain values, for `tally_from`."""
        return ["fixed", self.promised, self.start, self.used, self.takers]

    def _is_over(self, quota: Quota, now: int) -> bool:
        """Whether the window that was counted in is over."""
        span = quota.limit.span
        # `_window`, without a call: this is looked at several times for each message.
        return now - (now + quota.offset * 1_000_000) % span - self.start > span // 2


Tally: TypeAlias = Sliding | Fixed


def tally_from(written: list[Any] | None, limit: Limit) -> Tally:
    """The tally that was written; a new one where there is none, or one of another kind of window."""
    kind: type[Tally] = Fixed if limit.window == "fixed" else Sliding
    if written is None or written[0] != limit.window:
        return kind()
    return kind(*written[1:])


def _width(limit: Limit) -> int:
    """How long a slot is."""
    return -(-limit.span // MOST_ENTRIES)


def _window(quota: Quota, now: int) -> int:
    """When the window began that this time is in."""
    ahead = quota.offset * 1_000_000
    return now - (now + ahead) % quota.limit.span


_LATENESS = 300_000
"""Microseconds that a worker may be late with what is due: `dispatch.embedded.LONGEST_PAUSE`, and some."""


def after_others(promised: int, free: int, quota: Quota, amount: int, now: int) -> int:
    """The time to tell somebody refused. What can never be is told a time, and takes nobody's place."""
    if promised <= now or amount > quota.limit.amount:
        return free
    step = quota.limit.span * amount // quota.limit.amount
    # Whoever comes back comes a little late; the next one must not come too early for that, and lose its
    # place.
    return max(free, promised + step + min(_LATENESS, step))
