"""Location: the ledger that a URL names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from notifyhub.errors import SettingsError
from notifyhub.ledger.contract import Ledger
from notifyhub.ledger.memory import MemoryLedger

if TYPE_CHECKING:
    from notifyhub.ledger.sql.store import Store
    from notifyhub.ledger.sqlite.file import Synchronous

__all__ = ["open_ledger", "open_store"]

_FIELD = "ledger.url"
_KINDS = "write memory://, sqlite:///notifyhub.db or postgresql://user@host/database"


def open_ledger(
    url: str,
    *,
    synchronous: Synchronous = "FULL",
    lease: float = 30.0,
    keys: Sequence[str] = (),
    folder: Path = Path(),
) -> Ledger:
    """The ledger at a URL; it connects when first used.

    url: `memory://`, `sqlite:///file` (relative to `folder`), `sqlite:////absolute/file` or
        `postgresql://user:password@host/database`. synchronous: SQLite's, `FULL` or `NORMAL`.
    lease: seconds after which a delivery is taken from a silent holder. keys: that seal personal data.

    Raises SettingsError, which never shows the URL: there may be a password in it.
    """
    if _split(url)[0] == "memory":
        return MemoryLedger(lease=lease)

    from notifyhub.ledger.sealing import Sealer
    from notifyhub.ledger.sql.ledger import SqlLedger

    sealer = Sealer.from_keys(keys)
    return SqlLedger(open_store(url, synchronous=synchronous, folder=folder), sealer, lease=lease)


def open_store(url: str, *, synchronous: Synchronous = "FULL", folder: Path = Path()) -> Store:
    """The database at a URL, as `open_ledger` takes it; it connects when first used. Raises SettingsError."""
    backend, rest = _split(url)
    if backend == "memory":
        raise SettingsError("a ledger in memory has no database", field=_FIELD, remedy=_KINDS)
    if backend == "sqlite":
        from notifyhub.ledger.sqlite import SqliteStore

        return SqliteStore(folder / _file(rest), synchronous=synchronous)

    from notifyhub.ledger.postgres import PostgresStore

    return PostgresStore(_checked(f"postgresql://{rest}"))


def _split(url: str) -> tuple[str, str]:
    """The backend that a URL names, and what follows `://`."""
    scheme, colon, rest = url.partition("://")
    # What a database address is called elsewhere: `postgresql+asyncpg` names a driver, and ours is given.
    backend, _, driver = scheme.lower().partition("+")
    if not colon or backend not in {"memory", "sqlite", "postgresql", "postgres"}:
        raise SettingsError("names no kind of ledger", field=_FIELD, remedy=_KINDS)
    if driver:
        raise SettingsError(f"names a driver, `{driver}`", field=_FIELD, remedy=f"write {backend}://…")
    if backend == "memory" and rest:
        raise SettingsError("there is nothing after memory://", field=_FIELD, remedy=_KINDS)
    return backend, rest


def _file(rest: str) -> str:
    """The file of `sqlite:///file`: what follows the third slash."""
    if not rest.startswith("/"):
        raise SettingsError(
            "sqlite:// names a file after a third slash, an absolute one after a fourth",
            field=_FIELD,
            remedy="write sqlite:///notifyhub.db or sqlite:////var/lib/notifyhub.db",
        )
    file = rest[1:]
    if not file or file.endswith("/") or "?" in file:
        raise SettingsError("names no file", field=_FIELD, remedy="write sqlite:///notifyhub.db")
    if file == ":memory:":
        raise SettingsError("a database in memory keeps nothing", field=_FIELD, remedy="write memory://")
    return file


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise SettingsError(
            "is not a URL; its port must be a number, and a password's `@`, `:`, `/`, `[` be written %40, …",
            field=_FIELD,
        ) from None
    if not parts.path.strip("/"):
        raise SettingsError("names no database", field=_FIELD, remedy="write postgresql://user@host/database")
    return url
