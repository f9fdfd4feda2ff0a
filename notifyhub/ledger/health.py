"""Health: what the workers have seen of each provider instance, kept by all of them together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["SLOT", "Health", "added"]

SLOT = 5
"""Seconds that are counted together."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was seen of one instance in one slot of `SLOT` seconds; sums, so that they add up.

    instance: its name. slot: whole slots since the epoch. accepted, failed: submissions by how they ended;
    failed are those that say something about the instance (unknown, not sent, refused for the account),
    refusals about one number or text are neither. delivered, undelivered: receipts. lateness: seconds from
    acceptance to receipt, summed over the receipts.
    """

    instance: str
    slot: int
    accepted: int = 0
    failed: int = 0
    delivered: int = 0
    undelivered: int = 0
    lateness: float = field(default=0.0)


def added(seen: Iterable[Health]) -> list[Health]:
    """Summed by slot and instance, in that order."""
    sums: dict[tuple[int, str], Health] = {}
    for each in seen:
        key = (each.slot, each.instance)
        so_far = sums.get(key)
        sums[key] = each if so_far is None else _sum(so_far, each)
    return [sums[key] for key in sorted(sums)]


def _sum(one: Health, other: Health) -> Health:
    return Health(
        one.instance,
        one.slot,
        one.accepted + other.accepted,
        one.failed + other.failed,
        one.delivered + other.delivered,
        one.undelivered + other.undelivered,
        one.lateness + other.lateness,
    )
