"""Writer: what waits becomes one transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from notifyhub.ledger.sql import migration
from notifyhub.ledger.sql.store import Dialect
from notifyhub.ledger.sqlite.bell import Bell
from notifyhub.ledger.sqlite.faults import is_about_one, is_busy, meaning
from notifyhub.ledger.sqlite.file import Synchronous
from notifyhub.ledger.sqlite.thread import Order, Results, run

__all__ = ["DIALECT", "Writer"]

DIALECT = Dialect("sqlite")
CHECKPOINT = 60.0
"""Seconds after which the write-ahead log is emptied, so that what was erased does not stay in it."""
PATIENCE = 0.2
"""Seconds to wait for readers of other processes then; if they read on, it is emptied the next time."""


class Writer:
    """Opens the writing connection and commits batches on it; all on one thread.

    bell: rung after each commit that changed something.
    """

    def __init__(self, path: Path, synchronous: Synchronous, busy_timeout: float, bell: Bell) -> None:
        self._path = path
        self._synchronous = synchronous
        self._busy_timeout = busy_timeout
        self._bell = bell
        self._emptied_at = 0.0
        self._written = False

    def connect(self) -> sqlite3.Connection:
        """The connection; a database without any table is given ours.

        Raises SchemaError where the tables do not fit this code, LedgerUnavailable where it cannot be
        opened.
        """
        try:
            connection = sqlite3.connect(
                self._path, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._meaning(error) from None
        try:
            found = run(connection, migration.status(DIALECT))
            if not found.empty and found.current != found.latest:
                raise migration.unfit(found)
            self._prepare(connection)
            if found.empty:
                # Numbers and words are nobody else's business, whatever the umask says.
                self._path.chmod(0o600)
                connection.execute("BEGIN IMMEDIATE")
                run(connection, migration.migrate(DIALECT))
                connection.execute("COMMIT")
        except BaseException as error:
            connection.close()
            if isinstance(error, sqlite3.Error):
                raise self._meaning(error) from None
            raise
        self._emptied_at = time.monotonic()
        return connection

    def perform(self, connection: sqlite3.Connection, orders: Sequence[Order]) -> Results:
        """Do what was ordered in one transaction; where that fails for one of them, each in its own."""
        before = connection.total_changes
        try:
            results = self._together(connection, orders)
        except Exception as error:  # noqa: BLE001 - every order gets an answer
            if len(orders) == 1 or not is_about_one(error):
                results = [self._told(error)] * len(orders)
            else:
                results = [self._alone(connection, order) for order in orders]
        if connection.total_changes != before:
            self._written = True
            self._bell.ring()
            if time.monotonic() - self._emptied_at > CHECKPOINT:
                self.pause(connection)
        return results

    def pause(self, connection: sqlite3.Connection) -> None:
        """Empty the write-ahead log, unless somebody is reading from it."""
        if not self._written:
            return
        self._emptied_at = time.monotonic()
        # A failing disk is told to whoever writes next; here nobody waits for an answer.
        with suppress(sqlite3.Error):
            connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")
            ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._written = bool(busy)
            connection.execute(f"PRAGMA busy_timeout = {int(self._busy_timeout * 1000)}")

    def _prepare(self, connection: sqlite3.Connection) -> None:
        until = time.monotonic() + self._busy_timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                # The one statement that does not wait for others by itself.
                if not is_busy(error) or time.monotonic() > until:
                    raise
                time.sleep(0.01)
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA secure_delete = ON")

    def _together(self, connection: sqlite3.Connection, orders: Sequence[Order]) -> Results:
        results: list[Any] = [None] * len(orders)
        connection.execute("BEGIN IMMEDIATE")
        try:
            for kind in dict.fromkeys(kind for kind, _, _ in orders):
                places = [place for place, order in enumerate(orders) if order[0] is kind]
                answers = run(connection, kind([orders[place][1] for place in places]))
                for place, answer in zip(places, answers, strict=True):
                    results[place] = answer
            connection.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some errors, and not after others.
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        return results

    def _alone(self, connection: sqlite3.Connection, order: Order) -> Any:
        try:
            (result,) = self._together(connection, [order])
        except Exception as error:  # noqa: BLE001 - as above
            return self._told(error)
        return result

    def _told(self, error: Exception) -> Exception:
        return self._meaning(error) if isinstance(error, sqlite3.Error) else error

    def _meaning(self, error: sqlite3.Error) -> Exception:
        return meaning(error, self._path, self._busy_timeout)
