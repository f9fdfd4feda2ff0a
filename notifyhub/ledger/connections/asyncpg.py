"""asyncpg: a connection, or what its pool lends."""

from __future__ import annotations

from typing import Any

import asyncpg

from notifyhub.ledger.connections.connected import AsyncConnected
from notifyhub.ledger.connections.placeholders import translated
from notifyhub.ledger.connections.refusals import no_transaction
from notifyhub.ledger.sql.script import Row, Rows

__all__ = ["AsyncpgConnected"]


class AsyncpgConnected(AsyncConnected):
    """An `asyncpg.Connection` or a pool's proxy of one."""

    backend = "postgresql"
    faults = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def check(self) -> None:
        """See `SyncConnected.check`."""
        if not self._connection.is_in_transaction():
            raise no_transaction("enclose the call in `async with connection.transaction():`")

    async def fetch(self, sql: str, parameters: Row) -> Rows:
        """See `SyncConnected.fetch`."""
        statement = translated(sql, "numeric_dollar")
        rows: Rows = await self._connection.fetch(statement, *parameters, record_class=asyncpg.Record)
        return rows
