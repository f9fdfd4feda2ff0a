"""`notifyhub ledger explain`: every decision about a delivery, in order."""

from __future__ import annotations

from notifyhub.cli.ledger.show import delivery_by_id
from notifyhub.cli.options import Config, DeliveryId

__all__ = ["explain"]


def explain(delivery_id: DeliveryId, config: Config = None) -> None:
    """Tell every decision about a delivery in order, from its words to its newest receipt."""
    print(delivery_by_id(config, delivery_id).explain())
