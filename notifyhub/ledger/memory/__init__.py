"""The ledger in memory: everything is forgotten when the process ends."""

from notifyhub.ledger.memory.ledger import MemoryLedger

__all__ = ["MemoryLedger"]
