"""Connected: an application's connection, seen as what runs the ledger's scripts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Generator
from typing import TypeVar

from notifyhub.ledger.connections.refusals import Backend, meaning
from notifyhub.ledger.sql.script import Batch, Row, Rows, Script, Statement

__all__ = ["AsyncConnected", "Connected", "SyncConnected"]

Answer = TypeVar("Answer")


class Connected(ABC):
    """A connection on which the application has a transaction open.

    backend: `sqlite` or `postgresql`. is_async: whether the answer of `run` is to be awaited.
    """

    backend: Backend
    is_async: bool

    @abstractmethod
    def run(self, script: Script[Answer]) -> Answer | Awaitable[Answer]:
        """The script's answer; what it wrote is kept if, and only if, the application commits.

        What the script raises is raised. Raises UnsupportedOperation where no transaction is open and
        none would be opened, so that a rollback would not take it back; SchemaError where the ledger's
        tables are not in this database; LedgerUnavailable where the driver raised anything else: the
        transaction is then as the driver left it, on PostgreSQL fit only to be rolled back.
        """


class SyncConnected(Connected):
    """A synchronous connection, used in the calling thread."""

    is_async = False
    faults: tuple[type[Exception], ...]
    """What its driver raises."""

    def run(self, script: Script[Answer]) -> Answer:
        """See `Connected.run`."""
        statements = _one_by_one(script)
        try:
            self.check()
            statement = next(statements)
            while True:
                rows = self.fetch(statement.sql, statement.parameters)
                statement = statements.send(rows)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        except self.faults as error:
            raise meaning(error) from None
        finally:
            statements.close()
            script.close()

    @abstractmethod
    def check(self) -> None:
        """Raise UnsupportedOperation where what is written would be committed at once."""

    @abstractmethod
    def fetch(self, sql: str, parameters: Row) -> Rows:
        """Execute one statement, its placeholders `?`; all its rows, none where it returns nothing."""


class AsyncConnected(Connected):
    """An asynchronous connection, used on the running event loop."""

    is_async = True
    faults: tuple[type[Exception], ...]
    """What its driver raises."""

    async def run(self, script: Script[Answer]) -> Answer:
        """See `Connected.run`."""
        statements = _one_by_one(script)
        try:
            self.check()
            statement = next(statements)
            while True:
                rows = await self.fetch(statement.sql, statement.parameters)
                statement = statements.send(rows)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        except self.faults as error:
            raise meaning(error) from None
        finally:
            statements.close()
            script.close()

    @abstractmethod
    def check(self) -> None:
        """See `SyncConnected.check`."""

    @abstractmethod
    async def fetch(self, sql: str, parameters: Row) -> Rows:
        """See `SyncConnected.fetch`."""


def _one_by_one(script: Script[Answer]) -> Generator[Statement, Rows, Answer]:
    """The script with its batches taken apart: a caller's transaction has few rows.

    What a batch changed is counted by what it returns, for drivers do not agree on any other number.
    """
    try:
        request = next(script)
        while True:
            if isinstance(request, Batch):
                changed = 0
                for parameters in request.rows:
                    changed += len((yield Statement(f"{request.sql} RETURNING 1", parameters)))
                request = script.send([(changed,)])
            else:
                request = script.send((yield request))
    except StopIteration as end:
        answer: Answer = end.value
        return answer
