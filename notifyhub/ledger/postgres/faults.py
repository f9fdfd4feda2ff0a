"""What PostgreSQL's errors mean to the ledger: those that pass, and how the others are told.

An error of the database may quote values, and values are addresses and words here: only its class and
code are ever passed on.
"""

from __future__ import annotations

from notifyhub.errors import LedgerUnavailable, NotifyhubError, SchemaError, SettingsError
from notifyhub.ledger.sql.migration import REMEDY

__all__ = ["contended", "passes", "told"]

# SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_CONTENDED = frozenset(
    {"40001", "40P01", "55P03"}
)  # serialization failure, deadlock, lock waited for too long
_PASSING = _CONTENDED | frozenset({
    "25006",  # read-only: a standby still, or an old primary
    "53300",  # too many connections
    "57P01", "57P02", "57P03", "57P05",  # shutting down, crashed, starting up, idle for too long
})  # fmt: skip
_SETTINGS = {
    "28000": "the database does not let this user in",
    "28P01": "the database does not accept the password",
    "3D000": "the server has no such database",
    "42501": "the database user may not use the ledger's tables",
}
_SCHEMA = frozenset({"42P01", "42703"})  # no such table, no such column


def passes(error: BaseException) -> bool:
    """Whether the same may succeed on another connection a little later."""
    if isinstance(error, OSError):  # TimeoutError among them
        return True
    state = getattr(error, "sqlstate", None)
    if state is None:
        # A plan made before a migration is refused once, and made anew on a new connection.
        return type(error).__name__ in {"InvalidCachedStatementError", "OutdatedSchemaCacheError"}
    return (
        state in _PASSING or state.startswith("08") or type(error).__name__ == "InvalidCachedStatementError"
    )


def contended(error: BaseException) -> bool:
    """Whether it failed because another transaction was in its way."""
    return getattr(error, "sqlstate", None) in _CONTENDED


_REMEDY = "see that the server of `[ledger] url` is up and reachable from this machine"


def told(error: Exception) -> Exception:
    """The error to raise for one that did not pass; what is ours, or a bug, stays as it is."""
    if isinstance(error, NotifyhubError):
        return error
    state = getattr(error, "sqlstate", None)
    if state in _SETTINGS:
        return SettingsError(_SETTINGS[state], field="ledger.url")
    if state in _SCHEMA:
        return SchemaError("the ledger's tables are missing in this database, or older", remedy=REMEDY)
    if state is not None:
        return LedgerUnavailable(f"PostgreSQL said {state} ({type(error).__name__})")
    if isinstance(error, TimeoutError):
        return LedgerUnavailable("PostgreSQL did not answer in time", remedy=_REMEDY)
    if isinstance(error, OSError) or type(error).__module__.startswith("asyncpg"):
        return LedgerUnavailable(f"PostgreSQL cannot be reached ({type(error).__name__})", remedy=_REMEDY)
    return error
