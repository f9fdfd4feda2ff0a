"""Counts: what the policies that count have in common."""

from __future__ import annotations

from collections.abc import Sequence

from notifyhub.message import Message
from notifyhub.outcome import Delivery
from notifyhub.policy import ALLOW, Decision
from notifyhub.quota import Taken

__all__ = ["Counts"]


class Counts:
    """Nothing speaks against a message before the ledger is asked, and nothing comes back of one that went.

    Of those that leave it at that the pipeline asks neither, which is most of what they would cost.
    """

    async def decide(self, message: Message) -> Decision:
        """Allow: what is counted is asked of the ledger, for all policies at once."""
        return ALLOW

    def used(self, message: Message, delivery: Delivery, taken: Sequence[Taken]) -> Sequence[Taken]:
        """Nothing comes back of a message that went out."""
        return ()
