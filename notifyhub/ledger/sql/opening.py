"""Opening: new deliveries, kept once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from notifyhub.errors import KeyReused, LedgerUnavailable
from notifyhub.ledger.job import Job
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.rows import COLUMNS, INSERT, Kept, delivery_of, fingerprint_fits, row_of
from notifyhub.ledger.sql.script import Batch, Row, Script, Statement
from notifyhub.outcome import Delivery

__all__ = ["Opened", "Opening"]


class Opened(NamedTuple):
    """A job to keep, and its row."""

    job: Job
    row: Row


class Opening:
    """Inserts many at once; looks for the first delivery only where something was there already."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def __call__(self, operations: Sequence[Opened]) -> Script[Sequence[Delivery | Exception]]:
        """The answer to each: its own delivery, or the first under its key, or KeyReused."""
        if len(operations) == 1:
            inserted = len((yield Statement(f"{INSERT} RETURNING id", operations[0].row)))
        else:
            ((inserted,),) = yield Batch(INSERT, [operation.row for operation in operations])
        answers: list[Delivery | Exception] = [operation.job.delivery for operation in operations]
        if inserted != len(operations):
            for place, operation in enumerate(operations):
                answers[place] = yield from self._known(operation.job)
        yield from self._follow(operations, answers)
        return answers

    def _follow(self, operations: Sequence[Opened], answers: Sequence[Delivery | Exception]) -> Script[None]:
        """Keep the follow-ups of what is new; where nobody could know that it was kept, they are there."""
        rows = [
            row_of(follow_up, self._sealer, None, None)
            for (job, _), answer in zip(operations, answers, strict=True)
            for follow_up in job.follow_ups
            if isinstance(answer, Delivery) and answer.id == job.id
        ]
        if rows:
            yield Batch(INSERT, rows)

    def _known(self, job: Job) -> Script[Delivery | Exception]:
        """What is kept under the id (this was written before, but nobody could know), or under the key."""
        rows = yield Statement(
            f"SELECT {COLUMNS} FROM notifyhub_deliveries WHERE id = ? OR (key IS NOT NULL AND key = ?)",  # noqa: S608
            (job.id, job.delivery.key),
        )
        if not rows:
            return LedgerUnavailable("the first delivery under this key was just deleted", remedy="try again")
        kept = min((Kept(*row) for row in rows), key=lambda each: each.id != job.id)
        if kept.id != job.id and not fingerprint_fits(kept.fingerprint, job.fingerprint, self._sealer):
            return KeyReused(
                "this idempotency key stands for another request",
                field="key",
                remedy="use a new key, or send exactly the same again to get the first delivery",
            )
        return delivery_of(kept, self._sealer)
