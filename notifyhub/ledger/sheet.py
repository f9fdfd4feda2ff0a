"""Sheet: what lately went to one address (or said the same), counted under several small limits.

One line a message, whatever it is counted under, so that a message costs one line. No clock and no I/O:
times are microseconds since the epoch. A clock that goes backwards lets nothing more through: what is taken
then is counted at the latest time that was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notifyhub.ledger.demand import WORDED, Block
from notifyhub.quota import Limit

__all__ = ["GRACE", "LONG", "Sheet"]

GRACE = 3_600_000_000
"""Microseconds that the newest line is kept after it means nothing any more, for clocks that are put back."""
LONG = 64
"""Lines from which on a sheet takes no more that is about words: there may be no end to those, where a limit
of how much goes to one address ends by itself.
"""


class Sheet:
    """Lines of messages, the oldest first: when, until when the line means something, whose, and its marks.

    A mark stands for a limit; a line has it once for each unit that was taken. Never more than a limit's
    amount is taken in any stretch: what was taken at t counts until t + seconds. promised: by mark, the
    time that was told last to somebody refused. elsewhere: until when something may be counted on the pages
    of the words themselves, because this was long.
    """

    __slots__ = ("elsewhere", "lines", "promised")

    def __init__(
        self, lines: list[list[Any]] | None = None, promised: dict[str, int] | None = None, elsewhere: int = 0
    ) -> None:
        self.lines = lines if lines is not None else []
        self.promised = promised if promised is not None else {}
        self.elsewhere = elsewhere

    def room(self, block: Block, words: str, whose: str, now: int) -> Sequence[int] | None:
        """How much is left of each; None where one lacks, or where it takes a closer look to tell."""
        lines = self.lines
        if not block.fits:
            return None
        if not lines:
            return block.full
        if block.worded and (self.elsewhere or len(lines) >= LONG):
            return None
        seen = self.seen(now)
        left, over = list(block.full), seen - block.span
        for at, _, taker, marks in lines:
            if at <= over:
                continue
            if taker == whose:
                return None
            for place, (quota, mark, _, _, _) in enumerate(block.spots):
                if at > seen - quota.limit.span:
                    left[place] -= marks.count(mark.replace(WORDED, words) if block.worded else mark)
        for less, asked in zip(left, block.asked, strict=True):
            if less < asked or less <= 0:
                return None
        return left

    def take_all(self, block: Block, words: str, whose: str, now: int) -> int:
        """Count all of a block for which there was room: the time as which it counts."""
        lines, at = self.lines, now
        if lines:
            if lines[-1][0] > now:
                at = lines[-1][0]
            if len(lines) % LONG == 0:
                self.forget()
        marks = block.marks.replace(WORDED, words) if block.worded else block.marks
        lines.append([at, at + block.span, whose, marks])
        return at

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

    def take(self, mark: str, limit: Limit, whose: str, amount: int, now: int) -> int:
        """Count so much: the time as which it counts."""
        lines = self.lines
        at = self.seen(now)
        until = at + limit.span
        if lines and lines[-1][2] == whose and lines[-1][0] == at:
            last = lines[-1]
            last[3] += mark * amount
            last[1] = max(last[1], until)
        else:
            if len(lines) % LONG == 0:
                self.forget()
            lines.append([at, until, whose, mark * amount])
        return at

    def give_back(self, mark: str, whose: str, at: int, amount: int) -> int:
        """Count it no longer, or that part of it no longer; how much of it was still counted."""
        asked = amount
        for line in reversed(self.lines):
            if amount and line[2] == whose and line[0] <= at:
                less = min(amount, line[3].count(mark))
                line[3] = line[3].replace(mark, "", less)
                amount -= less
        # The newest line stays, for the time that it has seen.
        self.lines[:-1] = [line for line in self.lines[:-1] if line[3]]
        return asked - amount

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

    def seen(self, now: int) -> int:
        """The latest time that was seen here."""
        return max(now, self.lines[-1][0]) if self.lines else now

    def forget(self) -> None:
        """Leave out what means nothing any more at the latest time that was seen here.

        Nobody counts those lines, however his clock goes; the newest stays, for the time that it has seen.
        """
        lines = self.lines
        if len(lines) > 1:
            seen = lines[-1][0]
            lines[:-1] = [line for line in lines[:-1] if line[1] > seen]

    def _over(self, limit: Limit, now: int) -> int:
        """What was taken at this time or before counts no longer."""
        return self.seen(now) - limit.span
