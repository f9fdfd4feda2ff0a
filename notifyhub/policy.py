"""The policy contract: what is asked before a message is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from notifyhub.message import Message
from notifyhub.outcome import Delivery
from notifyhub.quota import Quota, Refusal, Taken

__all__ = [
    "ALLOW",
    "Allow",
    "BillsPolicy",
    "CountsPolicy",
    "Decision",
    "Defer",
    "Policy",
    "SettlesPolicy",
    "Suppress",
]


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


@runtime_checkable
class CountsPolicy(Policy, Protocol):
    """A policy that counts, in the ledger, for all workers together.

    It is asked `decide` first, like every other. Where all policies allow, the quotas of all that count are
    taken at once, all of them or none, and given back where in the end nothing went out.
    """

    def quotas(self, message: Message, instances: Sequence[str]) -> Sequence[Quota]:
        """What this message takes. instances: names of those that may carry it, in order. Does no I/O."""
        ...

    def refuse(self, message: Message, refusal: Refusal) -> Decision:
        """What follows where one of its quotas had not enough left: Suppress or Defer."""
        ...

    def used(self, message: Message, delivery: Delivery, taken: Sequence[Taken]) -> Sequence[Taken]:
        """What to give back of what was taken, now that it has gone out; mostly nothing.

        delivery: with its attempts, at least one of which may have gone.
        """
        ...


@runtime_checkable
class BillsPolicy(CountsPolicy, Protocol):
    """A policy that counts copies: what a second submission of a message costs is taken before it is made."""

    def another(self, message: Message, instance: str) -> Sequence[Quota]:
        """What one more copy by this instance takes, where one may be out already. Does no I/O."""
        ...
