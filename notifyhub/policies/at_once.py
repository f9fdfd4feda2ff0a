"""AtOnce: what the policies that wait for nothing have in common."""

from __future__ import annotations

from notifyhub.category import Category
from notifyhub.message import Message
from notifyhub.policy import Decision

__all__ = ["AtOnce"]


class AtOnce:
    """Decides without waiting for anything.

    The pipeline asks those that leave `decide` at this by `decide_at_once`: a coroutine for every message and
    policy would cost more than most of them have to think.
    """

    def concerns(self, category: Category) -> bool:
        """Whether it may ever say anything about messages of this category; asked once."""
        return True

    def decide_at_once(self, message: Message) -> Decision:
        """Allow, suppress or defer."""
        raise NotImplementedError

    async def decide(self, message: Message) -> Decision:
        """See `Policy.decide`."""
        return self.decide_at_once(message)
