"""How a script is run on an asyncpg connection."""

from __future__ import annotations

from typing import Any, TypeVar

from notifyhub.ledger.connections.placeholders import translated
from notifyhub.ledger.sql.script import Batch, Rows, Script, Statement
from notifyhub.ledger.sql.store import Dialect

__all__ = ["POSTGRESQL", "execute", "run"]

Answer = TypeVar("Answer")

# The number is any, and ours. It is not one lock for each vendor id: a batch would need hundreds.
_PARKING = 7236837251604213
POSTGRESQL = Dialect(
    name="postgresql",
    lock=" FOR UPDATE",
    skip_locked=" FOR UPDATE SKIP LOCKED",
    barrier=f"SELECT pg_advisory_xact_lock({_PARKING})",
    share=f"SELECT pg_advisory_xact_lock_shared({_PARKING})",
)


async def run(connection: Any, script: Script[Answer], *, timeout: float | None = None) -> Answer:
    """Run a script within whatever transaction is open, or without one; returns its answer.

    timeout: seconds that a step may take; the connection's own without it.
    """
    try:
        step = next(script)
        while True:
            step = script.send(await execute(connection, step, timeout))
    except StopIteration as end:
        answer: Answer = end.value
        return answer


async def execute(connection: Any, step: Statement | Batch, timeout: float | None = None) -> Rows:
    """Execute one step of a script; returns its rows. A batch goes out at once and comes back at once."""
    sql = translated(step.sql, "numeric_dollar")
    if isinstance(step, Statement):
        rows: Rows = await connection.fetch(sql, *step.parameters, timeout=timeout)
        return rows
    if not step.rows:
        return ((0,),)
    # `executemany` does not say how many rows it changed; a row back for each costs 5 µs.
    changed = await connection.fetchmany(f"{sql} RETURNING 1", step.rows, timeout=timeout)
    return ((len(changed),),)
