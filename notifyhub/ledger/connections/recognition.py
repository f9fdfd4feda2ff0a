"""Recognition: which driver a connection belongs to, seen by the names of its class, nothing imported."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from notifyhub.ledger.connections.connected import Connected
from notifyhub.ledger.connections.refusals import refused

__all__ = ["connected"]


class _Adapter(NamedTuple):
    """The module of this package and the name in it that makes the adapter."""

    module: str
    name: str


_ADAPTERS = {
    ("sqlite3", "Connection"): _Adapter("sqlite", "SqliteConnected"),
    ("aiosqlite", "Connection"): _Adapter("aiosqlite", "AioSqliteConnected"),
    ("psycopg", "Connection"): _Adapter("psycopg", "PsycopgConnected"),
    ("psycopg", "AsyncConnection"): _Adapter("psycopg", "AsyncPsycopgConnected"),
    ("asyncpg", "Connection"): _Adapter("asyncpg", "AsyncpgConnected"),
    ("asyncpg", "PoolConnectionProxy"): _Adapter("asyncpg", "AsyncpgConnected"),
    ("sqlalchemy", "Connection"): _Adapter("sqlalchemy", "CoreConnected"),
    ("sqlalchemy", "AsyncConnection"): _Adapter("sqlalchemy", "AsyncCoreConnected"),
    ("sqlalchemy", "Session"): _Adapter("sqlalchemy", "SessionConnected"),
    ("sqlalchemy", "AsyncSession"): _Adapter("sqlalchemy", "AsyncSessionConnected"),
    ("sqlalchemy", "scoped_session"): _Adapter("sqlalchemy", "of_this_scope"),
    ("sqlalchemy", "async_scoped_session"): _Adapter("sqlalchemy", "of_this_scope"),
    ("django", "BaseDatabaseWrapper"): _Adapter("django", "DjangoConnected"),
    ("django", "ConnectionProxy"): _Adapter("django", "DjangoConnected"),
}
"""By the top package and the name of a class; a connection's base classes count, for applications and
frameworks derive from them."""

_ACCEPTED = (
    "give a sqlite3, aiosqlite, asyncpg or psycopg 3 connection, a SQLAlchemy 2 Connection, Session, "
    "AsyncConnection or AsyncSession, or Django's connection"
)


def connected(connection: object) -> Connected:
    """What runs scripts on an application's own connection, within the transaction open on it.

    Raises UnsupportedOperation (field `connection`) for anything that is no such connection, and for
    one to a database that no ledger lives in.
    """
    for kind in type(connection).__mro__:
        adapter = _ADAPTERS.get((kind.__module__.partition(".")[0], kind.__name__))
        if adapter is not None:
            module = import_module(f"notifyhub.ledger.connections.{adapter.module}")
            made: Callable[[object], Connected] = getattr(module, adapter.name)
            return made(connection)
    kind = type(connection)
    raise refused(
        f"{kind.__module__}.{kind.__qualname__} is no connection the ledger can write on", _ACCEPTED
    )
