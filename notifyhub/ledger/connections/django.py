"""Django's database connections: `django.db.connection`, `connections[alias]`."""

from __future__ import annotations

from typing import Any

from django.db import Error

from notifyhub.ledger.connections.connected import SyncConnected
from notifyhub.ledger.connections.placeholders import translated
from notifyhub.ledger.connections.refusals import backend_of, no_transaction
from notifyhub.ledger.sql.script import Row, Rows

__all__ = ["DjangoConnected"]


class DjangoConnected(SyncConnected):
    """Django's wrapper of a connection, on its SQLite or PostgreSQL backend, or the proxy of one.

    The proxies of Django's caches have the same class; they are refused with the other databases.
    """

    faults = (Error,)

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.backend = backend_of(getattr(connection, "vendor", "unknown"))

    def check(self) -> None:
        """See `SyncConnected.check`."""
        if self._connection.get_autocommit() and not self._connection.in_atomic_block:
            raise no_transaction("enclose the call in `with transaction.atomic():`")

    def fetch(self, sql: str, parameters: Row) -> Rows:
        """See `SyncConnected.fetch`."""
        with self._connection.cursor() as cursor:
            cursor.execute(translated(sql, "format"), tuple(parameters) or None)
            # psycopg 3 raises where there is nothing to fetch.
            rows: Rows = cursor.fetchall() if cursor.description else ()
            return rows
