"""Sheet: what lately went to one address (or said the same), counted under several small limits.

One line a message, whatever it is counted under, so that a message costs one line. No clock and no I/O:
times are microseconds since the epoch. A clock that goes backwards lets nothing more through: what is taken
then is counted at the latest time that was seen.

A sheet is kept as text, which a message mostly only adds to: that a mark stands on all of it seldom enough
is found without reading a line. What takes a closer look is done on lines.
"""

from __future__ import annotations

from typing import Any

from notifyhub.ledger.demand import WORDED, Block
from notifyhub.quota import Limit

__all__ = ["GRACE", "LONG", "Sheet", "as_text", "free_at"]

GRACE = 3_600_000_000
"""Microseconds that a page is kept after it means nothing any more, for clocks that are put back."""
LONG = 64
"""Lines from which on a sheet takes no more that is about words: there may be no end to those, where a limit
of how much goes to one address ends by itself.
"""
_SOME, _SHORT = 8, 320
"""Lines after which it is looked which of them still mean anything; less characters have less lines."""


class Sheet:
    """Lines of messages, the oldest first: when, until when the line means something, whose, and its marks.

    A mark stands for a limit; a line has it once for each unit that was taken. Never more than a limit's
    amount is taken in any stretch: what was taken at t counts until t + seconds.

    text: as `Sheet.text` was. ends: when all of it means nothing any more, or later. promised: by mark, the
    time that was told last to somebody refused. elsewhere: until when something may be counted on the pages
    of the words themselves, because this was long.
    """

    __slots__ = ("_lines", "_text", "elsewhere", "ends", "promised")

    def __init__(self, text: str = "", ends: int = 0) -> None:
        self._text = text
        self._lines: list[list[Any]] | None = None
        self.ends = ends
        self.promised: dict[str, int] | None = None
        self.elsewhere = 0

    @property
    def text(self) -> str:
        """All lines as text."""
        if self._lines is not None:
            self._text = as_text(self._lines)
            self._lines = None
        return self._text

    @property
    def lines(self) -> list[list[Any]]:
        """All lines, to be read and changed."""
        if self._lines is None:
            self._lines = [_line(written) for written in self._text.split(";")[:-1]]
        return self._lines

    def room(self, block: Block, words: str, whose: str, now: int) -> int | None:
        """How much is left of the first, at least; None where one may lack, and a closer look has to tell."""
        if not block.fits:
            return None
        text, left = self._text if self._lines is None else self.text, block.full
        if not text:
            return left
        if whose in text or (block.worded and (self.elsewhere or text.count(";") >= LONG)):
            return None
        latest = _latest(text)
        seen = max(now, latest)
        for mark, span, most in block.counted:
            if latest > seen - span:  # else nothing counts any more under this one
                taken = text.count(mark.replace(WORDED, words) if block.worded else mark)
                if taken > most:
                    return None
        return left

    def take_all(self, block: Block, words: str, whose: str, now: int) -> int:
        """Count all of a block for which there was room: the time as which it counts."""
        text = self._text if self._lines is None else self.text
        at = max(now, _latest(text)) if text else now
        until = at + block.span
        if until > self.ends:
            self.ends = until
        marks = block.marks.replace(WORDED, words) if block.worded else block.marks
        self._text = text = f"{text}{at} {until} {whose}{marks};"
        if len(text) > _SHORT and text.count(";") % _SOME == 0:
            self.forget()
        return at

    def left(self, mark: str, limit: Limit, now: int) -> int:
        """How much is left."""
        return _left(self.lines, mark, limit, now)

    def known(self, mark: str, limit: Limit, whose: str, now: int) -> int:
        """How much this delivery has taken that still counts."""
        known, lines = 0, self.lines
        if lines:
            over = self.seen(now) - limit.span
            for line in reversed(lines):
                if line[0] <= over:
                    break
                if line[2] == whose:
                    known += line[3].count(mark)
        return known

    def take(self, mark: str, limit: Limit, whose: str, amount: int, now: int) -> int:
        """Count so much: the time as which it counts."""
        lines, at = self.lines, self.seen(now)
        until = at + limit.span
        if lines and lines[-1][2] == whose and lines[-1][0] == at:
            last = lines[-1]
            last[3] += mark * amount
            last[1] = max(last[1], until)
        else:
            lines.append([at, until, whose, mark * amount])
            if len(lines) % _SOME == 0:
                self.forget()
        self.ends = max(self.ends, until)
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


def as_text(lines: list[list[Any]]) -> str:
    """Lines as a sheet has them."""
    return "".join([f"{at} {until} {whose}{marks};" for at, until, whose, marks in lines])


def free_at(lines: list[list[Any]], mark: str, limit: Limit, amount: int, now: int) -> int:
    """When so much will be free, if nobody else takes it. amount: at least 1, at most the limit's."""
    free, over = now + limit.span, _over(lines, limit, now)
    lacking = amount - _left(lines, mark, limit, now)
    for line in lines:
        count = line[3].count(mark)
        if count and line[0] > over:
            free, lacking = line[0] + limit.span, lacking - count
            if lacking <= 0:
                break
    return free


def _left(lines: list[list[Any]], mark: str, limit: Limit, now: int) -> int:
    left, over = limit.amount, _over(lines, limit, now)
    for line in reversed(lines):
        if line[0] <= over:
            break
        left -= line[3].count(mark)
    return max(0, left)


def _over(lines: list[list[Any]], limit: Limit, now: int) -> int:
    """What was taken at this time or before counts no longer."""
    return (max(now, lines[-1][0]) if lines else now) - limit.span


def _line(written: str) -> list[Any]:
    at, until, rest = written.split(" ", 2)
    whose, comma, marks = rest.partition(",")
    return [int(at), int(until), whose, comma + marks]


def _latest(text: str) -> int:
    """When the last line was taken."""
    start = text.rfind(";", 0, -1) + 1
    return int(text[start : text.index(" ", start)])
