"""What the hub asks of a ledger, whatever keeps it.

The ledger owns the truth about deliveries: their state, the keys they were asked for under, and
the receipts that came for them.
"""

from __future__ import annotations

from typing import Protocol

from notifyhub.outcome import Delivery, Receipt, Reply

__all__ = ["Ledger"]


class Ledger(Protocol):
    """Memory of deliveries, idempotency keys and receipts."""

    async def open(self, delivery: Delivery, fingerprint: str) -> Delivery:
        """Record a new delivery before anything is sent, and return it.

        If its key is known, return the first delivery under that key instead. fingerprint: tells
        one request from another. Raises KeyReused when the key stands for another request.
        """
        ...

    async def record(self, delivery: Delivery) -> Delivery:
        """Keep the newest state, join receipts that came too early, and return what is kept now.

        A status that a receipt has raised in the meantime stays raised.
        """
        ...

    async def get(self, delivery_id: str) -> Delivery | None:
        """The newest state of a delivery."""
        ...

    async def find(self, provider: str, provider_message_id: str) -> Delivery | None:
        """The delivery that this instance knows by its own id."""
        ...

    async def receive(self, receipt: Receipt) -> tuple[Delivery | None, bool]:
        """Take a receipt in: the delivery after it, and whether it was news.

        Id **and** number must match; where the id is not known yet the receipt is parked and joined
        by `record`. (None, True) is parked, (None, False) ignored.
        """
        ...

    async def hear(self, reply: Reply) -> tuple[Reply, bool]:
        """Take a reply in: with its delivery's id where hint and number match, and whether it was news."""
        ...

    async def aclose(self) -> None:
        """Release what is held."""
        ...
