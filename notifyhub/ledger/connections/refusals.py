"""Refusals: what is wrong with a connection, and what a driver's error means, without any value."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Literal

from notifyhub.errors import LedgerUnavailable, NotifyhubError, SchemaError, UnsupportedOperation

__all__ = ["Backend", "backend_of", "meaning", "no_transaction", "refused"]

Backend = Literal["sqlite", "postgresql"]

_MISSING = {"3F000", "42703", "42P01"}
"""PostgreSQL's states for a schema, a column and a table that is not there."""

_MISSING_IN_SQLITE = ("no such table", "no such column", "has no column named")
"""SQLite has one code for every error in a statement; these are its words, the same since version 3.0."""

_ABORTED = {"25P02", "PendingRollbackError", "TransactionManagementError"}
"""What PostgreSQL, SQLAlchemy and Django call a transaction in which a statement failed before."""

_MISUSED = {"InterfaceError", "ProgrammingError", "ResourceClosedError"}
"""What drivers call, without a code of the database's, a connection that is closed or somebody else's."""


def refused(problem: str, remedy: str) -> UnsupportedOperation:
    """The connection cannot be used as asked."""
    return UnsupportedOperation(problem, field="connection", remedy=remedy)


def no_transaction(remedy: str) -> UnsupportedOperation:
    """What would be written would be committed at once, and a rollback would not take it back."""
    return refused("no transaction is open on this connection", remedy)


def backend_of(name: str) -> Backend:
    """The backend by the name SQLAlchemy and Django have for it. Raises UnsupportedOperation for others."""
    if name == "sqlite":
        return "sqlite"
    if name == "postgresql":
        return "postgresql"
    # The name is the library's own word: `mysql`, `oracle`, …
    raise refused(f"no ledger lives in a database of the kind {name!r}", "SQLite and PostgreSQL can keep one")


def meaning(error: BaseException) -> NotifyhubError:
    """What a driver's error means: SchemaError where tables are missing, else LedgerUnavailable.

    A driver's own words quote statements, parameters and whole rows, so only its class and its code
    are taken over; raised `from None`, the error itself stays at hand as `__context__`.
    """
    errors = list(_behind(error))
    said = [_said_in_sqlite(each) for each in errors]
    code = next(filter(None, map(_code, errors)), None)
    if code in _MISSING or any(words in text for text in said for words in _MISSING_IN_SQLITE):
        return SchemaError(
            "the ledger's tables are missing, or not of this version, in the database of this connection",
            field="connection",
            remedy="run `notifyhub ledger migrate` with the ledger's url set to that database",
        )
    first = type(errors[-1])
    name = f"{first.__module__.partition('.')[0]}.{first.__qualname__}"
    return LedgerUnavailable(
        f"the driver said {name} ({code})" if code else f"the driver said {name}",
        field="connection",
        remedy=_remedy(first.__name__, code),
    )


def _remedy(name: str, code: str | None) -> str:
    if not _ABORTED.isdisjoint({name, code}):
        return "an earlier statement of this transaction failed: roll it back and begin anew"
    if code is None and name in _MISUSED:
        return "see that it is open, and used in the thread or event loop that it belongs to"
    return "roll its transaction back; another try may work"


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those it wraps: SQLAlchemy keeps the driver's as `orig`, Django as its cause."""
    while error is not None:
        yield error
        error = getattr(error, "orig", None) or error.__cause__


def _code(error: BaseException) -> str | None:
    for name in ("sqlstate", "pgcode", "sqlite_errorname"):
        code = getattr(error, name, None)
        if isinstance(code, str):
            return code
    return None


def _said_in_sqlite(error: BaseException) -> str:
    return str(error) if isinstance(error, sqlite3.OperationalError) else ""
