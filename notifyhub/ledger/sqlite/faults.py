"""Faults: what sqlite3 raises, in the ledger's words."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from notifyhub.errors import LedgerUnavailable, NotifyhubError, SchemaError

__all__ = ["is_about_one", "is_busy", "meaning"]

# sqlite3 names these only from Python 3.11 on, and one of them not at all; the low byte is the kind.
_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 6, 8, 10, 11, 13, 14, 26
_REMEDIES = {
    _READONLY: ("cannot be written", "give this user the right to write the file and its folder"),
    _IOERR: ("cannot be read or written", "look at the disk: it is full, over quota or failing"),
    _CORRUPT: ("is damaged", "stop all workers and restore it from a backup, or `sqlite3 FILE .recover`"),
    _FULL: ("cannot grow: the disk is full", "make room on the disk; nothing was kept by halves"),
    _CANTOPEN: ("cannot be opened", "create its folder, and give this user the right to write there"),
}


def meaning(error: sqlite3.Error, path: Path, busy_timeout: float) -> NotifyhubError:
    """The error to raise for this one. Neither quotes a value."""
    kind = _kind(error)
    if kind in (_BUSY, _LOCKED):
        return LedgerUnavailable(
            f"`{path.name}` was locked by another process for more than {busy_timeout:g} s",
            remedy="find who holds a transaction open on it, and end that",
        )
    if kind == _NOTADB:
        return SchemaError(f"`{path.name}` is not a SQLite database", remedy="name another file in [ledger]")
    if kind in _REMEDIES:
        problem, remedy = _REMEDIES[kind]
        return LedgerUnavailable(f"`{path.name}` {problem}", remedy=remedy)
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    return LedgerUnavailable(f"`{path.name}`: SQLite says {name}")


def is_about_one(error: Exception) -> bool:
    """Whether it can be the fault of one operation in a batch, so that the others are worth another try."""
    return not isinstance(error, sqlite3.Error) or _kind(error) not in (*_REMEDIES, _BUSY, _LOCKED, _NOTADB)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process was in the way."""
    return _kind(error) in (_BUSY, _LOCKED)


def _kind(error: sqlite3.Error) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else 0
