"""Deduplicate: the same words to the same address go once in a window."""

from __future__ import annotations

from collections.abc import Sequence

from notifyhub.message import Message
from notifyhub.policies.counts import Counts
from notifyhub.policy import Decision, Suppress
from notifyhub.quota import About, Limit, Quota, Refusal

__all__ = ["Deduplicate"]


class Deduplicate(Counts):
    """Suppresses a message whose channel, address, subject and words went less than `window` seconds ago.

    The ledger remembers it, for all workers. A code is new each time, so codes are not affected; a double
    click on "ship" is. What was refused or never left does not count, and a message that was put back into
    the queue is no repetition of itself.

    window: seconds.
    """

    name = "deduplicate"

    def __init__(self, window: float = 60.0) -> None:
        self._once = (Quota(self.name, About.RECIPIENT_AND_WORDS, Limit(1, window)),)
        self._repeated = Suppress(f"the same words went to this address less than {window:g} s ago")

    def quotas(self, message: Message, instances: Sequence[str]) -> Sequence[Quota]:
        """The one time that these words may go to this address."""
        return self._once

    def refuse(self, message: Message, refusal: Refusal) -> Decision:
        """Suppress the repetition: later it would be one as well."""
        return self._repeated
