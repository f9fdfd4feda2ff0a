"""Groups: in memory, which deliveries belong together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from notifyhub.outcome import Status

if TYPE_CHECKING:
    from notifyhub.ledger.memory.shelf import Kept

__all__ = ["Groups"]

_QUEUED = Status.QUEUED  # a look-up in an Enum class is slow


class Groups:
    """Those that have not ended, by group; and those that were merged, by the id of whom they went into."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, Kept]] = {}
        self.led: dict[str, list[Kept]] = {}

    def join(self, kept: Kept) -> None:
        """It waits, or is taken up."""
        if kept.group is not None:
            self._members.setdefault(kept.group, {})[kept.delivery.id] = kept

    def leave(self, kept: Kept) -> None:
        """It has ended."""
        members = self._members.get(kept.group or "")
        if members is not None:
            members.pop(kept.delivery.id, None)
            if not members and kept.group is not None:
                del self._members[kept.group]

    def others(self, kept: Kept) -> Iterator[Kept]:
        """The other ones of its group that have not ended."""
        for other in self._members.get(kept.group or "", {}).values():
            if other is not kept:
                yield other

    def blocks(self, kept: Kept, now: float) -> bool:
        """Whether another one is to be given out before it: one that is taken up, or comes first."""
        due = kept.due_at(now)
        return any(
            other.place is None or (other.due_at(now) < due and not other.too_late(now))
            for other in self.others(kept)
            if other.delivery.status is _QUEUED
        )
