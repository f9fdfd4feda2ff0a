"""The ledger: memory of deliveries, idempotency keys and receipts."""

from notifyhub.ledger.contract import Ledger
from notifyhub.ledger.memory import MemoryLedger

__all__ = ["Ledger", "MemoryLedger"]
