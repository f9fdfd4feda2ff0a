"""Mailbox: what vendors pushed: receipts that wait for their delivery, and people's replies."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace

from notifyhub.outcome import Receipt, Reply

__all__ = ["ParkedReceipts", "Replies"]

PARKED_FOR = 24 * 3600.0
"""Seconds a receipt waits for a delivery that is not recorded yet."""
PER_VENDOR_ID = 8
"""A forger who guesses ids must not fill the memory: a vendor sends two or three receipts per message."""
VendorId = tuple[str, str]


class ParkedReceipts:
    """Receipts under ids that no delivery is known by yet; at most `capacity` such ids.

    waiting: those under each id, with the time they came.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.waiting: OrderedDict[VendorId, list[tuple[float, Receipt]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.waiting)

    def park(self, receipt: Receipt, now: float) -> bool:
        """Let it wait; says whether it was news."""
        self.drop_old(now)
        vendor_id = (receipt.provider, receipt.provider_message_id)
        if vendor_id not in self.waiting and len(self.waiting) >= self._capacity:
            self.waiting.popitem(last=False)
        waiting = self.waiting.setdefault(vendor_id, [])
        if len(waiting) >= PER_VENDOR_ID or any(receipt.same_news(other) for _, other in waiting):
            return False
        waiting.append((now, receipt))
        return True

    def take(self, vendor_id: VendorId) -> Iterator[Receipt]:
        """Those that waited for this id; they wait no longer."""
        return (receipt for _, receipt in self.waiting.pop(vendor_id, ()))

    def drop_old(self, now: float) -> int:
        """Forget what has waited long enough; returns how many receipts that was."""
        dropped = 0
        while self.waiting:
            oldest = next(iter(self.waiting.values()))
            if now - oldest[0][0] < PARKED_FOR:
                break
            dropped += len(oldest)
            self.waiting.popitem(last=False)
        return dropped

    def drop_from(self, address: str) -> None:
        """Forget what is about this address."""
        for vendor_id, waiting in list(self.waiting.items()):
            left = [(at, receipt) for at, receipt in waiting if receipt.address != address]
            if left:
                self.waiting[vendor_id] = left
            else:
                del self.waiting[vendor_id]


class Replies:
    """What people answered, the newest `capacity` of it."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._heard: OrderedDict[Reply, tuple[float, str | None]] = OrderedDict()

    def hear(self, reply: Reply, now: float) -> bool:
        """Keep it; says whether it was news. Whose it was found to be makes it no other reply."""
        bare = replace(reply, delivery_id=None)
        if bare in self._heard:
            return False
        self._heard[bare] = now, reply.delivery_id
        if len(self._heard) > self._capacity:
            self._heard.popitem(last=False)
        return True

    def __iter__(self) -> Iterator[Reply]:
        return (replace(bare, delivery_id=name) for bare, (_, name) in self._heard.items())

    def drop(self, unwanted: Callable[[Reply, float], bool]) -> int:
        """Forget the replies of which this says so, given each with the time it came; returns how many."""
        gone = [
            bare for bare, (at, name) in self._heard.items() if unwanted(replace(bare, delivery_id=name), at)
        ]
        for bare in gone:
            del self._heard[bare]
        return len(gone)
