"""aiosqlite: the standard sqlite3 behind a thread of its own."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from notifyhub.ledger.connections.connected import AsyncConnected
from notifyhub.ledger.connections.refusals import no_transaction
from notifyhub.ledger.connections.sqlite import check_transaction
from notifyhub.ledger.sql.script import Row, Rows

if TYPE_CHECKING:
    import aiosqlite

__all__ = ["AioSqliteConnected"]


class AioSqliteConnected(AsyncConnected):
    """An `aiosqlite.Connection`."""

    backend = "sqlite"
    faults = (sqlite3.Error,)

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    def check(self) -> None:
        """See `SyncConnected.check`."""
        try:
            check_transaction(self._connection)
        except ValueError:
            raise no_transaction("it is closed, or was never awaited") from None

    async def fetch(self, sql: str, parameters: Row) -> Rows:
        """See `SyncConnected.fetch`."""
        async with self._connection.cursor() as cursor:
            cursor.row_factory = None
            await cursor.execute(sql, tuple(parameters))
            return list(await cursor.fetchall())
