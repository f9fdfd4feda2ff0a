"""Schema: the ledger's tables in a database that is not in use as a ledger yet, or not any more.

A ledger refuses to start on tables that do not fit; this looks at them and brings them up to date.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from notifyhub.ledger.sql import migration
from notifyhub.ledger.sql.migration import SchemaStatus
from notifyhub.ledger.sql.script import Script
from notifyhub.ledger.sql.store import Store

__all__ = ["Schema"]

_BUSY_TIMEOUT = 10.0


class Schema:
    """The tables in a store's database. Its methods raise LedgerUnavailable where it cannot be used now.

    store: not started; close it in the end.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._file = _file_of(store)

    @property
    def where(self) -> str:
        """The file, or the server and the database without a password."""
        if self._file is not None:
            return str(self._file)
        parts = urlsplit(getattr(self._store, "dsn", ""))
        # A socket's folder is no host name, and is given as a parameter.
        host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
        return f"{host}{f':{parts.port}' if parts.port else ''}{parts.path}"

    async def status(self) -> SchemaStatus:
        """How far the tables have been migrated; changes nothing, and makes no file."""
        if self._file is not None and not self._file.exists():
            known = migration.migrations(self._store.dialect.name)
            return SchemaStatus(
                backend=self._store.dialect.name,
                current=0,
                latest=known[-1].number,
                pending=tuple(each.name for each in known),
                empty=True,
            )
        return await self._store.read(migration.status(self._store.dialect))

    async def migrate(self) -> tuple[str, ...]:
        """Bring the tables up to date; the names of what was done, none when nothing was left.

        Harmless twice, and for two at once. Raises SchemaError where the tables are newer than this code.
        """
        if self._file is None:
            return await self._store.write(self._migrating, None)
        found = await self.status()
        if found.current > found.latest:
            raise migration.unfit(found)
        if found.empty:
            await self._store.start()  # makes the file with the rights that it should have
            return found.pending
        return await asyncio.to_thread(_migrate_file, self._file, self._store) if found.pending else ()

    def _migrating(self, operations: Sequence[None]) -> Script[Sequence[tuple[str, ...]]]:
        done = yield from migration.migrate(self._store.dialect)
        return [done] * len(operations)


def _file_of(store: Store) -> Path | None:
    path = getattr(store, "path", None)
    return path if isinstance(path, Path) else None


def _migrate_file(file: Path, store: Store) -> tuple[str, ...]:
    """On a connection of its own: the store's writer refuses tables that do not fit."""
    from notifyhub.ledger.sqlite.faults import meaning
    from notifyhub.ledger.sqlite.file import check_place, check_version
    from notifyhub.ledger.sqlite.thread import run

    check_version()
    check_place(file)
    try:
        connection = sqlite3.connect(file, timeout=_BUSY_TIMEOUT, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            done = run(connection, migration.migrate(store.dialect))
            connection.execute("COMMIT")
        finally:
            connection.close()  # what is not committed is rolled back
    except sqlite3.Error as error:
        raise meaning(error, file, _BUSY_TIMEOUT) from None
    return done
