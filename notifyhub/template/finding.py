"""Finding: one thing that is wrong with a notice, as `lint` tells it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from notifyhub.errors import NotifyhubError

__all__ = ["Finding", "Severity", "finding_of", "named"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. where: the file, or `notice.toml` and the key. An error will fail a send."""

    notice: str
    where: str
    problem: str
    remedy: str | None = None
    severity: Severity = "error"

    def __str__(self) -> str:
        tail = f"; {self.remedy}" if self.remedy else ""
        return f"{self.severity}: {self.notice} {self.where}: {self.problem}{tail}"


def named(character: str) -> str:
    """A character for people, with its code point and name."""
    if not character:
        return "their end"
    return f"`{character}` (U+{ord(character):04X} {unicodedata.name(character, 'unnamed')})"


def finding_of(notice: str, where: str, error: NotifyhubError) -> Finding:
    """The finding that an error tells."""
    field = f"`{error.field}` " if error.field and error.field != notice else ""
    return Finding(notice, where, field + error.problem.removeprefix(f"{where}: "), error.remedy)
