"""The ledger: memory of deliveries, of what is needed to carry them on, of idempotency keys and receipts."""

from notifyhub.ledger.contract import Ledger
from notifyhub.ledger.job import Backlog, Job, Query, Retention
from notifyhub.ledger.location import open_ledger
from notifyhub.ledger.memory import MemoryLedger

__all__ = ["Backlog", "Job", "Ledger", "MemoryLedger", "Query", "Retention", "open_ledger"]
