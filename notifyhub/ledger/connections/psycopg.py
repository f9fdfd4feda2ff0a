"""psycopg 3, synchronous and asynchronous."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row

from notifyhub.ledger.connections.connected import AsyncConnected, SyncConnected
from notifyhub.ledger.connections.placeholders import translated
from notifyhub.ledger.connections.refusals import no_transaction
from notifyhub.ledger.sql.script import Row, Rows

__all__ = ["AsyncPsycopgConnected", "PsycopgConnected"]


# The cursors are psycopg's plain ones, whatever cursor_factory the application set: a RawCursor, for
# one, has other placeholders.


class PsycopgConnected(SyncConnected):
    """A `psycopg.Connection`."""

    backend = "postgresql"
    faults = (psycopg.Error,)

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def check(self) -> None:
        """See `SyncConnected.check`."""
        if _commits_at_once(self._connection):
            raise no_transaction("enclose the call in `with connection.transaction():`")

    def fetch(self, sql: str, parameters: Row) -> Rows:
        """See `SyncConnected.fetch`."""
        with psycopg.Cursor(self._connection, row_factory=tuple_row) as cursor:
            cursor.execute(*_arguments(sql, parameters))
            if _in_pipeline(self._connection):
                with self._connection.pipeline() as pipeline:
                    pipeline.sync()
            return cursor.fetchall() if cursor.description else ()


class AsyncPsycopgConnected(AsyncConnected):
    """A `psycopg.AsyncConnection`."""

    backend = "postgresql"
    faults = (psycopg.Error,)

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    def check(self) -> None:
        """See `SyncConnected.check`."""
        if _commits_at_once(self._connection):
            raise no_transaction("enclose the call in `async with connection.transaction():`")

    async def fetch(self, sql: str, parameters: Row) -> Rows:
        """See `SyncConnected.fetch`."""
        async with psycopg.AsyncCursor(self._connection, row_factory=tuple_row) as cursor:
            await cursor.execute(*_arguments(sql, parameters))
            if _in_pipeline(self._connection):
                async with self._connection.pipeline() as pipeline:
                    await pipeline.sync()
            return await cursor.fetchall() if cursor.description else ()


def _commits_at_once(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    return connection.autocommit and connection.info.transaction_status is TransactionStatus.IDLE


def _in_pipeline(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Whether statements are under way together, so that rows are there only after a synchronisation."""
    return connection.info.pipeline_status is not PipelineStatus.OFF


def _arguments(sql: str, parameters: Row) -> tuple[bytes, tuple[Any, ...] | None]:
    # As bytes: psycopg's types take text only where it stands in the source.
    return translated(sql, "format").encode(), tuple(parameters) or None
