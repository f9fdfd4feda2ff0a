"""sqlite3, the standard library's driver."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from notifyhub.ledger.connections.connected import SyncConnected
from notifyhub.ledger.connections.refusals import no_transaction
from notifyhub.ledger.sql.script import Row, Rows

__all__ = ["SqliteConnected", "begins_by_itself", "check_transaction"]

_LEGACY = -1
"""`sqlite3.LEGACY_TRANSACTION_CONTROL`, which Python 3.11 has no name for: it knows no other."""


def begins_by_itself(connection: Any) -> bool:
    """Whether this sqlite3 or aiosqlite connection opens a transaction before it writes.

    By default it does, before a statement whose first word is INSERT, UPDATE, DELETE or REPLACE, and
    only then: a script that wrote by `WITH … INSERT` would be committed at once.
    """
    autocommit = getattr(getattr(connection, "_conn", connection), "autocommit", _LEGACY)
    return connection.isolation_level is not None if autocommit == _LEGACY else not autocommit


def check_transaction(connection: Any) -> None:
    """Raise UnsupportedOperation where this sqlite3 or aiosqlite connection would commit at once."""
    if not (connection.in_transaction or begins_by_itself(connection)):
        raise no_transaction("execute BEGIN on it first, or open it without isolation_level=None")


class SqliteConnected(SyncConnected):
    """A `sqlite3.Connection`."""

    backend = "sqlite"
    faults = (sqlite3.Error,)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def check(self) -> None:
        """See `SyncConnected.check`."""
        check_transaction(self._connection)

    def fetch(self, sql: str, parameters: Row) -> Rows:
        """See `SyncConnected.fetch`."""
        with closing(self._connection.cursor()) as cursor:
            cursor.row_factory = None
            return cursor.execute(sql, tuple(parameters)).fetchall()
