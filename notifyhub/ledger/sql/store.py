"""What a database must do for `SqlLedger`: run scripts, and commit once for everybody waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from notifyhub.ledger.sql.script import Script

__all__ = ["Dialect", "Store", "Work"]

Operation = TypeVar("Operation")
Answer = TypeVar("Answer")
Work: TypeAlias = Callable[[Sequence[Operation]], Script[Sequence[Answer | Exception]]]
"""Makes the script for all operations of one kind that are waiting; its answer is one answer, or one
exception to raise, for each operation in the same order.

Where it locks other rows than deliveries it has a `rank`, and those with a lesser one (0 without) are done
before it: so that two transactions with several kinds of work never wait for each other in a circle.
"""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The few words in which the databases differ.

    name: `sqlite` or `postgresql`. lock: put after a SELECT of rows that the script changes next.
    skip_locked: put after a SELECT that picks rows to claim.
    share: a statement run in a transaction before it looks for parked receipts. barrier: one that waits
    until every transaction that ran `share` by then has ended. A receipt that was parked waits so before
    it is looked up once more: it and the record it belongs to cannot pass each other unseen.
    All are "" where there is one writer only.
    """

    name: str
    lock: str = ""
    skip_locked: str = ""
    share: str = ""
    barrier: str = ""


class Store(Protocol):
    """One database. Every method raises LedgerUnavailable when it cannot be used now."""

    dialect: Dialect

    async def start(self) -> None:
        """Connect and check the schema; harmless when done already. Raises SchemaError, SettingsError."""
        ...

    def now(self) -> int:
        """Microseconds since the epoch, by the one clock that everybody at this database shares."""
        ...

    def read(self, script: Script[Answer]) -> Awaitable[Answer]:
        """Run a script that changes nothing."""
        ...

    def write(self, work: Work[Operation, Answer], operation: Operation) -> Awaitable[Answer]:
        """Do one operation durably: returns when it is committed, together with whatever else was waiting.

        Operations with the same `work` (compare by identity) are given to it together. Where a batch
        fails as a whole, its operations are done one by one.
        """
        ...

    async def changed(self, seconds: float) -> None:
        """Return when another connection has committed something, or after so many seconds."""
        ...

    async def aclose(self) -> None:
        """Commit what waits and disconnect."""
        ...
