"""Observing: what the workers have seen of provider instances, added up."""

from __future__ import annotations

from collections.abc import Sequence

from notifyhub.ledger.health import SLOT, Health, added
from notifyhub.ledger.sql.script import Batch, Script, Statement

__all__ = ["Observing", "seen_since"]

HOUR, KEPT_FOR = 3600, 24 * 3600
"""Seconds."""
_COUNTS = ("accepted", "failed", "delivered", "undelivered", "lateness")
_ADD = (
    f"INSERT INTO notifyhub_health (slot, instance, {', '.join(_COUNTS)}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    " ON CONFLICT (slot, instance) DO UPDATE SET "
    + ", ".join(f"{count} = notifyhub_health.{count} + excluded.{count}" for count in _COUNTS)
)


class Observing:
    """Adds what was seen, a row for each instance and slot, in their order, whoever saw it.

    Once an hour it forgets what was seen more than a day ago.
    """

    rank = 1

    def __init__(self) -> None:
        self._forgot_at = 0

    def __call__(self, operations: Sequence[Sequence[Health]]) -> Script[Sequence[None]]:
        """Nothing is answered."""
        rows = [
            (
                each.slot,
                each.instance,
                each.accepted,
                each.failed,
                each.delivered,
                each.undelivered,
                each.lateness,
            )
            for each in added(each for seen in operations for each in seen)
        ]
        if rows:
            yield Batch(_ADD, rows)
            newest = rows[-1][0]
            if (newest - self._forgot_at) * SLOT >= HOUR:
                self._forgot_at = newest
                yield Statement("DELETE FROM notifyhub_health WHERE slot < ?", (newest - KEPT_FOR // SLOT,))
        return [None] * len(operations)


def seen_since(slot: int) -> Script[list[Health]]:
    """What everybody has seen in the slots from this one on."""
    rows = yield Statement(
        f"SELECT instance, slot, {', '.join(_COUNTS)} FROM notifyhub_health"  # noqa: S608 - our own words
        " WHERE slot >= ? ORDER BY slot, instance",
        (slot,),
    )
    return [Health(*row) for row in rows]
