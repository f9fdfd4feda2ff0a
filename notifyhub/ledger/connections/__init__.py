"""Connections: a ledger's script inside a transaction that an application has open, one driver a file.

The transaction is the caller's: nothing here commits, rolls back, leaves a cursor open or switches
autocommit, the isolation level or a row factory.
"""

from notifyhub.ledger.connections.connected import Connected
from notifyhub.ledger.connections.recognition import connected

__all__ = ["Connected", "connected"]
