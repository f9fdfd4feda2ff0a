"""The ledger in one SQLite file: nothing to start, nothing to look after."""

from notifyhub.ledger.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
