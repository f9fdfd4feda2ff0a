"""The policy contract: what is asked before a message is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from notifyhub.message import Message
from notifyhub.outcome import Delivery

__all__ = ["ALLOW", "Allow", "Decision", "Defer", "Policy", "SettlesPolicy", "Suppress"]


@dataclass(frozen=True, slots=True)
class Allow:
    """Nothing speaks against sending now."""


@dataclass(frozen=True, slots=True)
class Suppress:
    """Do not send. why: one sentence for `explain()`; no address in it."""

    why: str


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now. until: aware datetime. why: one sentence for `explain()`."""

    until: datetime
    why: str


Decision = Allow | Suppress | Defer
ALLOW = Allow()


class Policy(Protocol):
    """Decides whether and when a message goes. Asked in order; the first that does not allow ends it."""

    @property
    def name(self) -> str:
        """The policy's name in settings and in `explain()`."""
        ...

    async def decide(self, message: Message) -> Decision:
        """Allow, suppress or defer. If it raises, nothing is sent: policies fail closed."""
        ...


@runtime_checkable
class SettlesPolicy(Policy, Protocol):
    """A policy that took something in `decide` (a slot, a budget) and wants to know how it ended."""

    async def settle(self, message: Message, delivery: Delivery) -> None:
        """Called once for each message that this policy allowed, whatever became of it then."""
        ...
