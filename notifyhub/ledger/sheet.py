"""Sheet: what lately went to one address (or said the same to it), counted under several small limits.

One line a message, whatever it is counted under, so that a message costs one line. No clock and no I/O:
times are microseconds since the epoch. A clock that goes backwards lets nothing more through: what is taken
then is counted at the latest time that was seen.
"""

from __future__ import annotations

from typing import Any

from notifyhub.quota import Limit

__all__ = ["GRACE", "Sheet"]

GRACE = 3_600_000_000
"""Microseconds that something is kept after it means nothing any more, for clocks that are put back."""
_MANY = 64
"""Lines after which it is looked which of them mean anything: a sheet in memory is never read anew."""


class Sheet:
    """Lines of messages, the oldest first: when, until when the line means something, whose, and its marks.

    A mark stands for a limit; a line has it once for each unit that was taken. Never more than a limit's
    amount is taken in any stretch: what was taken at t counts until t + seconds. promised: by mark, the
    time that was told last to somebody refused.
    """

    __slots__ = ("lines", "promised")

    def __init__(self, lines: list[list[Any]] | None = None, promised: dict[str, int] | None = None) -> None:
        self.lines = lines if lines is not None else []
        self.promised = promised if promised is not None else {}

    def left(self, mark: str, limit: Limit, now: int) -> int:
        """How much is left."""
        left, lines = limit.amount, self.lines
        if lines:
            over = self._over(limit, now)
            for line in reversed(lines):
                if line[0] <= over:
                    break
                left -= line[3].count(mark)
        return max(0, left)

    def known(self, mark: str, limit: Limit, whose: str, now: int) -> int:
        """How much this delivery has taken that still counts."""
        known, lines = 0, self.lines
        if lines:
            over = self._over(limit, now)
            for line in reversed(lines):
                if line[0] <= over:
                    break
                if line[2] == whose:
                    known += line[3].count(mark)
        return known

    def take(self, mark: str, limit: Limit, whose: str, amount: int, now: int) -> tuple[int, int]:
        """Count so much, less what this delivery has taken already: how much more that was, and the time as
        which it counts.
        """
        lines = self.lines
        if not lines:
            lines.append([now, now + limit.span, whose, mark * amount])
            return amount, now
        last = lines[-1]
        at: int = max(now, last[0])
        more = amount - self.known(mark, limit, whose, now)
        if more <= 0:
            return 0, at
        until = at + limit.span
        if last[2] == whose and last[0] == at:
            last[3] += mark * more
            if until > last[1]:
                last[1] = until
        else:
            lines.append([at, until, whose, mark * more])
            if len(lines) % _MANY == 0:
                self.forget(now - GRACE)
        return more, at

    def give_back(self, mark: str, whose: str, at: int, amount: int) -> bool:
        """Count it no longer, or that part of it no longer; whether it was still counted."""
        asked = amount
        for line in reversed(self.lines):
            if amount and line[2] == whose and line[0] <= at:
                less = min(amount, line[3].count(mark))
                line[3] = line[3].replace(mark, "", less)
                amount -= less
        # The newest line stays, for the time that it has seen.
        self.lines[:-1] = [line for line in self.lines[:-1] if line[3]]
        return amount < asked

    def free_at(self, mark: str, limit: Limit, amount: int, now: int) -> int:
        """When so much will be free, if nobody else takes it. amount: at least 1, at most the limit's."""
        free, over = now + limit.span, self._over(limit, now)
        lacking = amount - self.left(mark, limit, now)
        for line in self.lines:
            count = line[3].count(mark)
            if count and line[0] > over:
                free, lacking = line[0] + limit.span, lacking - count
                if lacking <= 0:
                    break
        return free

    def forget(self, now: int) -> None:
        """Leave out what means nothing at this time."""
        # The newest line stays as long as any other does, for the time that it has seen.
        self.lines[:-1] = [line for line in self.lines[:-1] if line[1] > now]
        if len(self.lines) == 1 and self.lines[0][1] <= now:
            self.lines.clear()
        self.promised = {mark: at for mark, at in self.promised.items() if at > now}

    def until(self) -> int:
        """When all of it means nothing any more."""
        return max([line[1] for line in self.lines] + list(self.promised.values()), default=0)

    def _over(self, limit: Limit, now: int) -> int:
        """What was taken at this time or before counts no longer."""
        latest: int = self.lines[-1][0] if self.lines else 0
        return (max(now, latest)) - limit.span
