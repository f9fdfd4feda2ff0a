"""Health: how well each provider instance does, as every worker has seen it together."""

from notifyhub.health.board import HealthBoard
from notifyhub.health.condition import FULL, SHARES, Condition

__all__ = ["FULL", "SHARES", "Condition", "HealthBoard"]
