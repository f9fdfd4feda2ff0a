"""The ledger in memory: everything is forgotten when the process ends."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from notifyhub.errors import KeyReused
from notifyhub.outcome import Delivery, Receipt, Reply

__all__ = ["MemoryLedger"]

PARKED_FOR = 24 * 3600.0
"""Seconds a receipt waits for a delivery that is not recorded yet."""


class MemoryLedger:
    """Keeps the newest `capacity` deliveries and as many parked receipts; the oldest make room.

    Every method runs to its end without awaiting anything, so on one event loop each is atomic.
    """

    def __init__(self, capacity: int = 50_000, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._clock = clock
        self._deliveries: OrderedDict[str, Delivery] = OrderedDict()
        self._keys: dict[str, tuple[str, str]] = {}
        self._by_vendor_id: dict[tuple[str, str], str] = {}
        self._replies: OrderedDict[Reply, None] = OrderedDict()
        self._parked: OrderedDict[tuple[str, str], list[tuple[float, Receipt]]] = OrderedDict()

    async def open(self, delivery: Delivery, fingerprint: str) -> Delivery:
        """See `Ledger.open`."""
        if delivery.key is not None:
            known = self._keys.get(delivery.key)
            if known is not None:
                first_id, first_fingerprint = known
                if first_fingerprint != fingerprint:
                    raise KeyReused(
                        "this idempotency key stands for another request",
                        field="key",
                        remedy="use a new key, or send exactly the same again to get the first delivery",
                    )
                return self._deliveries[first_id]
            self._keys[delivery.key] = (delivery.id, fingerprint)
        self._deliveries[delivery.id] = delivery
        if len(self._deliveries) > self._capacity:
            self._forget_oldest()
        return delivery

    async def record(self, delivery: Delivery) -> Delivery:
        """See `Ledger.record`."""
        kept = self._deliveries.get(delivery.id)
        if kept is not None:
            for receipt in kept.receipts:
                if not any(receipt.same_news(known) for known in delivery.receipts):
                    delivery = delivery.with_receipt(receipt)
        for attempt in delivery.attempts:
            vendor_id = attempt.outcome.provider_message_id
            if vendor_id is None:
                continue
            vendor_key = (attempt.provider, vendor_id)
            self._by_vendor_id[vendor_key] = delivery.id
            for _, receipt in self._parked.pop(vendor_key, ()):
                if receipt.address == delivery.address:
                    delivery = delivery.with_receipt(replace(receipt, delivery_id=delivery.id))
        self._deliveries[delivery.id] = delivery
        return delivery

    async def get(self, delivery_id: str) -> Delivery | None:
        """See `Ledger.get`."""
        return self._deliveries.get(delivery_id)

    async def find(self, provider: str, provider_message_id: str) -> Delivery | None:
        """See `Ledger.find`."""
        delivery_id = self._by_vendor_id.get((provider, provider_message_id))
        return self._deliveries.get(delivery_id) if delivery_id else None

    async def receive(self, receipt: Receipt) -> tuple[Delivery | None, bool]:
        """See `Ledger.receive`."""
        vendor_key = (receipt.provider, receipt.provider_message_id)
        delivery = await self.find(*vendor_key)
        if delivery is None:
            return None, self._park(vendor_key, receipt)
        if delivery.address != receipt.address:
            return None, False
        receipt = replace(receipt, delivery_id=delivery.id)
        if any(receipt.same_news(known) for known in delivery.receipts):
            return delivery, False
        delivery = self._deliveries[delivery.id] = delivery.with_receipt(receipt)
        return delivery, True

    async def hear(self, reply: Reply) -> tuple[Reply, bool]:
        """See `Ledger.hear`."""
        if reply.provider_message_id is not None:
            delivery = await self.find(reply.provider, reply.provider_message_id)
            if delivery is not None and delivery.address == reply.address:
                reply = replace(reply, delivery_id=delivery.id)
        if reply in self._replies:
            return reply, False
        self._replies[reply] = None
        if len(self._replies) > self._capacity:
            self._replies.popitem(last=False)
        return reply, True

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _park(self, vendor_key: tuple[str, str], receipt: Receipt) -> bool:
        now = self._clock()
        while self._parked:
            oldest = next(iter(self._parked))
            if len(self._parked) < self._capacity and now - self._parked[oldest][0][0] < PARKED_FOR:
                break
            del self._parked[oldest]
        waiting = self._parked.setdefault(vendor_key, [])
        # A forger who guesses ids must not fill the memory: a vendor sends two or three per message.
        if len(waiting) >= 8 or any(receipt.same_news(other) for _, other in waiting):
            return False
        waiting.append((now, receipt))
        return True

    def _forget_oldest(self) -> None:
        _, delivery = self._deliveries.popitem(last=False)
        if delivery.key is not None:
            self._keys.pop(delivery.key, None)
        for attempt in delivery.attempts:
            self._by_vendor_id.pop((attempt.provider, attempt.outcome.provider_message_id or ""), None)
