"""Reader: looks beside the writer, and never waits for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from notifyhub.ledger.sql.script import Script
from notifyhub.ledger.sqlite.faults import meaning
from notifyhub.ledger.sqlite.thread import Order, Results, run

__all__ = ["Reader"]


class Reader:
    """Opens a connection that cannot write and runs scripts on it; all on one thread.

    An order is a script, or None for a number that changes with every commit of anybody else.
    """

    def __init__(self, path: Path, busy_timeout: float) -> None:
        self._path = path
        self._busy_timeout = busy_timeout

    def connect(self) -> sqlite3.Connection:
        """The connection. Raises LedgerUnavailable."""
        try:
            connection = sqlite3.connect(
                self._path, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            raise meaning(error, self._path, self._busy_timeout) from None
        return connection

    def perform(self, connection: sqlite3.Connection, orders: Sequence[Order]) -> Results:
        """Do one after another."""
        return [self._one(connection, script) for _, script, _ in orders]

    def _one(self, connection: sqlite3.Connection, script: Script[Any] | None) -> Any:
        try:
            if script is None:
                return connection.execute("PRAGMA data_version").fetchone()[0]
            connection.execute("BEGIN")  # all statements of a script see the same
            try:
                return run(connection, script)
            finally:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            return meaning(error, self._path, self._busy_timeout)
        except Exception as error:  # noqa: BLE001 - whoever waits must be told
            return error
