"""The ledger: memory of deliveries, of what is needed to carry them on, of idempotency keys and receipts."""

from notifyhub.ledger.admission import NOTHING_TAKEN, Admission, Question, Suppression
from notifyhub.ledger.contract import Ledger
from notifyhub.ledger.demand import Demand, Turn
from notifyhub.ledger.health import Health
from notifyhub.ledger.job import Backlog, Gathered, Job, Query, Retention
from notifyhub.ledger.location import open_ledger
from notifyhub.ledger.memory import MemoryLedger

__all__ = [
    "NOTHING_TAKEN",
    "Admission",
    "Backlog",
    "Demand",
    "Gathered",
    "Health",
    "Job",
    "Ledger",
    "MemoryLedger",
    "Query",
    "Question",
    "Retention",
    "Suppression",
    "Turn",
    "open_ledger",
]
