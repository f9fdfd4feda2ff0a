"""Finding: one line of `notifyhub check`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from notifyhub.errors import NotifyhubError

__all__ = ["Finding", "Level", "fine", "guarded", "warning", "wrong"]


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found. part: what was looked at, `providers`. about: which of them, `sms`, or the key."""

    level: Level
    part: str
    about: str
    found: str
    remedy: str | None = None

    def values(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self)


def fine(part: str, about: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(Level.OK, part, about, found)


def warning(part: str, about: str, found: str, remedy: str | None = None) -> Finding:
    """Works, and may not be what is meant."""
    return Finding(Level.WARNING, part, about, found, remedy)


def wrong(part: str, error: NotifyhubError, about: str = "") -> Finding:
    """What an error says. about: where it names no key of this part."""
    field = error.field or ""
    named = field.startswith(part) or not about
    return Finding(Level.ERROR, part, field if named else about, error.problem, error.remedy)


def guarded(part: str, findings: Iterable[Finding], about: str = "") -> Iterator[Finding]:
    """The findings, and one more where looking for them raised: nothing a file holds ends the check."""
    try:
        yield from findings
    except NotifyhubError as error:
        yield wrong(part, error, about)
    except Exception as error:  # noqa: BLE001 - a plugin's bug is a finding too; its words may quote a secret
        found = f"{type(error).__name__} while it was looked at: a bug in notifyhub or in a plugin"
        yield Finding(Level.ERROR, part, about, found, "please report it, or block the plugin")
