"""How often one number may be written to, as the account's owner set it in the console.

Every limit is off by default. Only accepted messages count. A day is the last 24 hours: the vendor's
documents do not say whether theirs begins at midnight.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from .texts import is_code

__all__ = ["Limits", "Rates"]

SECOND, MINUTE, DAY = 1.0, 60.0, 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Messages per window and number; None is no limit. The code that refuses stands beside each."""

    per_second: int | None = None
    """4080"""
    per_minute: int | None = None
    """4081"""
    per_day: int | None = None
    """4082"""
    same_text_per_minute: int | None = None
    """4083"""
    same_text_per_day: int | None = None
    """4084"""
    codes_per_day: int | None = None
    """4085; a text counts as a code when it says 验证码."""


@dataclass(frozen=True, slots=True)
class _Sent:
    at: float
    text: str


class Rates:
    """Counts what went to each number of each account."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sent: defaultdict[tuple[str, str], list[_Sent]] = defaultdict(list)

    def refuse(self, account: str, mobile: str, text: str, now: float) -> int | None:
        """The code of the first limit that one more message would break, else None."""
        if self._limits == Limits():
            return None
        sent = self._sent[account, mobile]
        sent[:] = [one for one in sent if now - one.at < DAY]
        same = [one for one in sent if one.text == text]
        codes = [one for one in sent if is_code(one.text)] if is_code(text) else []
        limits = self._limits
        rules: tuple[tuple[int, int | None, Sequence[_Sent], float], ...] = (
            (4080, limits.per_second, sent, SECOND),
            (4083, limits.same_text_per_minute, same, MINUTE),
            (4081, limits.per_minute, sent, MINUTE),
            (4084, limits.same_text_per_day, same, DAY),
            (4085, limits.codes_per_day, codes, DAY),
            (4082, limits.per_day, sent, DAY),
        )
        for code, limit, among, window in rules:
            if limit is None or (code == 4085 and not is_code(text)):
                continue
            if sum(now - one.at < window for one in among) >= limit:
                return code
        return None

    def count(self, account: str, mobile: str, text: str, now: float) -> None:
        """Remember that a message was accepted, if there is any limit to hold it against."""
        if self._limits != Limits():
            self._sent[account, mobile].append(_Sent(now, text))
