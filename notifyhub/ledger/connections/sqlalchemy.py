"""SQLAlchemy 2: Core's connections and the ORM's sessions, synchronous and asynchronous.

Statements are the driver's own text (`exec_driver_sql`): nothing is compiled, and no type is guessed.
The asynchronous ones run the synchronous code as SQLAlchemy does itself, by `run_sync`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError, UnboundExecutionError

from notifyhub.ledger.connections.connected import Connected, SyncConnected
from notifyhub.ledger.connections.placeholders import translated
from notifyhub.ledger.connections.recognition import connected
from notifyhub.ledger.connections.refusals import Backend, backend_of, meaning, no_transaction, refused
from notifyhub.ledger.connections.sqlite import begins_by_itself
from notifyhub.ledger.sql.script import Row, Rows, Script

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
    from sqlalchemy.orm import Session, scoped_session

__all__ = [
    "AsyncCoreConnected",
    "AsyncSessionConnected",
    "CoreConnected",
    "SessionConnected",
    "of_this_scope",
]

Answer = TypeVar("Answer")

_AUTOCOMMIT = "use a connection whose isolation level is not AUTOCOMMIT"


class CoreConnected(SyncConnected):
    """A `sqlalchemy.Connection`. It begins a transaction by itself, as with any statement."""

    faults = (SQLAlchemyError, OSError)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.backend = backend_of(connection.dialect.name)

    def check(self) -> None:
        """See `SyncConnected.check`."""
        pooled = self._connection.connection
        if self.backend == "postgresql":
            # The drivers and SQLAlchemy's own faces of the asynchronous ones agree on this name.
            if getattr(pooled.dbapi_connection, "autocommit", False):
                raise no_transaction(_AUTOCOMMIT)
            return
        driver: Any = pooled.driver_connection
        if driver.in_transaction or begins_by_itself(driver):
            return
        # Such a driver commits at once, or the application begins in SQLAlchemy's event "begin", as its
        # documentation advises for savepoints. A first statement tells: it fires the event.
        self._connection.exec_driver_sql("SELECT 1").close()
        if not driver.in_transaction:
            raise no_transaction(_AUTOCOMMIT)

    def fetch(self, sql: str, parameters: Row) -> Rows:
        """See `SyncConnected.fetch`."""
        statement = translated(sql, self._connection.dialect.paramstyle)
        options = {} if parameters else {"no_parameters": True}
        result = self._connection.exec_driver_sql(
            statement, tuple(parameters) or None, execution_options=options
        )
        # Exhausted, or without rows, a result has closed its cursor.
        return result.fetchall() if result.returns_rows else ()


class SessionConnected(Connected):
    """A `sqlalchemy.orm.Session`: the connection that its transaction is on."""

    is_async = False

    def __init__(self, session: Session) -> None:
        self._session = session
        self.backend = _backend_of(session)

    def run(self, script: Script[Answer]) -> Answer:
        """See `Connected.run`."""
        session = self._session
        try:
            if not (session.autobegin or session.in_transaction()):
                raise no_transaction("enclose the call in `with session.begin():`")
            connection = session.connection()
        except CoreConnected.faults as error:
            raise meaning(error) from None
        return CoreConnected(connection).run(script)


class AsyncCoreConnected(Connected):
    """A `sqlalchemy.ext.asyncio.AsyncConnection`."""

    is_async = True

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.backend = backend_of(connection.sync_engine.dialect.name)

    async def run(self, script: Script[Answer]) -> Answer:
        """See `Connected.run`."""
        try:
            return await self._connection.run_sync(lambda connection: CoreConnected(connection).run(script))
        except SQLAlchemyError as error:
            # Only the connection itself, closed or never awaited: the rest is told already.
            raise meaning(error) from None


class AsyncSessionConnected(Connected):
    """A `sqlalchemy.ext.asyncio.AsyncSession`."""

    is_async = True

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self.backend = _backend_of(session.sync_session)

    async def run(self, script: Script[Answer]) -> Answer:
        """See `Connected.run`."""
        return await self._session.run_sync(lambda session: SessionConnected(session).run(script))


def of_this_scope(scoped: scoped_session[Any] | async_scoped_session[Any]) -> Connected:
    """The session that a scoped session (Flask-SQLAlchemy's `db.session` is one) has for this scope."""
    return connected(scoped())


def _backend_of(session: Session) -> Backend:
    try:
        return backend_of(session.get_bind().dialect.name)
    except UnboundExecutionError:
        raise refused(
            "this session has an engine for each of its classes, and none of its own",
            "give the connection of the right one: `session.connection(bind_arguments={...})`",
        ) from None
