"""Noting: a step more for a delivery, whoever holds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from notifyhub.errors import UnknownDelivery
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.changing import locked
from notifyhub.ledger.sql.gathering import step_line
from notifyhub.ledger.sql.rows import delivery_of
from notifyhub.ledger.sql.script import Script, Statement, in_turn
from notifyhub.ledger.sql.store import Dialect
from notifyhub.outcome import Delivery

__all__ = ["Note", "Noting"]


class Note(NamedTuple):
    """What to add to which delivery. now: microseconds."""

    delivery_id: str
    step: str
    now: int


class Noting:
    """Appends to histories. A holder's own writes are appended behind it, and change nothing of it."""

    def __init__(self, sealer: Sealer, dialect: Dialect) -> None:
        self._sealer = sealer
        self._dialect = dialect

    def __call__(self, operations: Sequence[Note]) -> Script[Sequence[Delivery | Exception]]:
        """The answer to each: the delivery with the step, or UnknownDelivery."""
        return in_turn(operations, self._note)

    def _note(self, said: Note) -> Script[Delivery | Exception]:
        kept = yield from locked(said.delivery_id, self._dialect)
        if kept is None:
            return UnknownDelivery("no such delivery", field="delivery_id")
        line = step_line(said.step, said.now)
        yield Statement(
            "UPDATE notifyhub_deliveries SET history = history || ? WHERE id = ?", (line, said.delivery_id)
        )
        return delivery_of(kept._replace(history=kept.history + line), self._sealer)
