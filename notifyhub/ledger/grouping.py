"""Grouping: which deliveries may become one message."""

from __future__ import annotations

from notifyhub.outcome import Delivery

__all__ = ["group_of", "left_behind", "merged_step"]


def group_of(delivery: Delivery) -> str:
    """Equal for those that may: the same notice by the same channel, to the same address, in one locale.

    It holds the address: what is kept is a digest of it only.
    """
    parts = (delivery.notice, delivery.channel, delivery.category, delivery.locale, delivery.address)
    return "digest\n" + "\n".join(part or "" for part in parts)


def merged_step(leader: str) -> str:
    """The step of a delivery whose words go out in another one."""
    return f"digest: merged, its words go out in {leader}"


def left_behind(leader: str, status: str) -> str:
    """The step of one that is queued again, because the delivery it was merged into ended unsent."""
    return f"digest: queued again, {leader} is {status}"
