"""Deduplicate: the same words to the same address go once in a window."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from notifyhub.message import Message
from notifyhub.outcome import Delivery, Status
from notifyhub.policy import ALLOW, Decision, Suppress

__all__ = ["Deduplicate"]

# What surely did not go out may be asked for again.
_NOTHING_WENT = frozenset(
    {
        Status.REFUSED,
        Status.NOT_SENT,
        Status.SUPPRESSED,
        Status.DEFERRED,
        Status.EXPIRED,
        Status.CANCELLED,
    }
)


class Deduplicate:
    """Suppresses a message whose channel, address and words were sent less than `window` seconds ago.

    In memory, at most `capacity` entries, the oldest making room. A code is new each time, so codes
    are not affected; a double click on "ship" is. What was refused or never left does not count.

    window: seconds. clock: monotonic seconds.
    """

    name = "deduplicate"

    def __init__(
        self,
        window: float = 60.0,
        *,
        capacity: int = 100_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = window
        self._capacity = capacity
        self._clock = clock
        self._seen: OrderedDict[int, tuple[float, str]] = OrderedDict()

    async def decide(self, message: Message) -> Decision:
        """Suppress a repetition; else remember this one."""
        now = self._clock()
        while self._seen:
            oldest = next(iter(self._seen.values()))
            if now - oldest[0] < self._window and len(self._seen) < self._capacity:
                break
            self._seen.popitem(last=False)
        fingerprint = _fingerprint(message)
        seen = self._seen.get(fingerprint)
        if seen is not None and seen[1] != message.id:  # its own comes again when it was put back
            return Suppress(f"the same words went to this address less than {self._window:g} s ago")
        self._seen[fingerprint] = (now, message.id)
        return ALLOW

    async def settle(self, message: Message, delivery: Delivery) -> None:
        """Forget a message that surely did not go out."""
        fingerprint = _fingerprint(message)
        entry = self._seen.get(fingerprint)
        if delivery.status in _NOTHING_WENT and entry is not None and entry[1] == message.id:
            del self._seen[fingerprint]


def _fingerprint(message: Message) -> int:
    # 64 bits keyed per process: an accidental collision would need some four billion live entries.
    return hash((message.channel, message.to, message.subject, message.text))
