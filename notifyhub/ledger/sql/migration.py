"""Migration: the tables of the ledger, made and changed in numbered steps, for each database its own.

They lie beside this file as `migrations/<database>/0001_name.sql`: statements that end in `;`, and
neither `;` nor `--` within a literal. A file that was ever released is never changed again; what
changes the tables is a new number. All functions here are scripts, to be run by whoever has a
transaction open; so the ledger's tables can live in an application's own database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from notifyhub.errors import SchemaError
from notifyhub.ledger.sql.script import Script, Statement
from notifyhub.ledger.sql.store import Dialect

__all__ = ["REMEDY", "Migration", "SchemaStatus", "check", "migrate", "migrations", "status", "unfit"]

REMEDY = "run `notifyhub ledger migrate`"

_COMMENT = re.compile(r"--[^\n]*")
# Whether our own table is there, and how many tables of anybody's: a look at the catalogue, because a
# statement about a missing table breaks a transaction off in PostgreSQL.
_LOOK = {
    "sqlite": (
        "SELECT count(CASE WHEN name = 'notifyhub_meta' THEN 1 END), count(*)"
        " FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    ),
    "postgresql": (
        "SELECT (to_regclass('notifyhub_meta') IS NOT NULL)::int, count(*)"
        " FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
    ),
}
# Two that migrate at the same time: the second waits here, and then finds nothing left to do. SQLite
# has its one write lock for that. The number is any, and ours.
_QUEUE_UP = {"postgresql": "SELECT pg_advisory_xact_lock(7236837251604212)"}
_VERSION = "SELECT value FROM notifyhub_meta WHERE name = 'schema'"
_STAMP = (
    "INSERT INTO notifyhub_meta (name, value) VALUES ('schema', ?)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. number: from 1. name: its file's, without `.sql`. statements: in order."""

    number: int
    name: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaStatus:
    """How far a database has been migrated. backend: `sqlite` or `postgresql`. current: the number of its
    newest migration, 0 for none. latest: the newest one this code knows. pending: names of those between.
    empty: whether it has no tables at all, nobody's.
    """

    backend: str
    current: int
    latest: int
    pending: tuple[str, ...]
    empty: bool


@cache
def migrations(backend: str) -> tuple[Migration, ...]:
    """All migrations of `sqlite` or `postgresql`, in order."""
    folder = files("notifyhub.ledger.sql") / "migrations" / backend
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(
        Migration(int(file.name[:4]), file.name.removesuffix(".sql"), _statements(file.read_text("utf-8")))
        for file in found
    )


def status(dialect: Dialect) -> Script[SchemaStatus]:
    """How far this database has been migrated; changes nothing."""
    ((ours, tables),) = yield Statement(_LOOK[dialect.name])
    current = 0
    if ours:
        rows = yield Statement(_VERSION)
        current = int(rows[0][0]) if rows else 0
    known = migrations(dialect.name)
    return SchemaStatus(
        backend=dialect.name,
        current=current,
        latest=known[-1].number,
        pending=tuple(each.name for each in known if each.number > current),
        empty=not tables,
    )


def migrate(dialect: Dialect) -> Script[tuple[str, ...]]:
    """Bring the tables up to date within the transaction that is open: all of it happens or none.

    Returns the names of what was done, none when nothing was left. Harmless twice, and for two at once.
    Raises SchemaError where the tables are newer than this code.
    """
    if dialect.name in _QUEUE_UP:
        yield Statement(_QUEUE_UP[dialect.name])
    found = yield from status(dialect)
    if found.current > found.latest:
        raise unfit(found)
    for each in migrations(dialect.name):
        if each.number > found.current:
            for sql in each.statements:
                yield Statement(sql)
            yield Statement(_STAMP, (str(each.number),))
    return found.pending


def check(dialect: Dialect) -> Script[None]:
    """Raise SchemaError unless the tables are there and exactly those that this code knows."""
    found = yield from status(dialect)
    if found.current != found.latest:
        raise unfit(found)


def unfit(found: SchemaStatus) -> SchemaError:
    """What is wrong with tables that are missing, older or newer, and what to do about it."""
    if found.current > found.latest:
        return SchemaError(
            f"the ledger's tables are at version {found.current}, this notifyhub knows {found.latest}",
            remedy="upgrade notifyhub-core on this machine",
        )
    if found.current == 0:
        return SchemaError("the ledger's tables are missing in this database", remedy=REMEDY)
    return SchemaError(
        f"the ledger's tables are at version {found.current}, this notifyhub needs {found.latest}",
        remedy=REMEDY,
    )


def _statements(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in _COMMENT.sub("", text).split(";") if each.strip())
