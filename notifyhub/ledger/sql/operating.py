"""Operating: what is decided about a delivery by others than its holder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from notifyhub.errors import UnknownDelivery, WrongState
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.changing import changed, given_up, locked
from notifyhub.ledger.sql.gathering import released
from notifyhub.ledger.sql.rows import Kept, delivery_of
from notifyhub.ledger.sql.script import Script, Statement, in_turn
from notifyhub.ledger.sql.store import Dialect
from notifyhub.outcome import Delivery, Status

__all__ = ["Cancel", "Cancelling", "Expire", "Expiring", "Resolve", "Resolving"]


class Cancel(NamedTuple):
    """Which delivery: by id or by key. now: microseconds."""

    delivery_id: str | None
    key: str | None
    now: int


class Resolve(NamedTuple):
    """An operator's word: what it is, and who says so and why. now: microseconds."""

    delivery_id: str
    status: Status
    step: str
    now: int


class Expire(NamedTuple):
    """Ids of what seemed to be past its deadline at `now` (microseconds)."""

    ids: Sequence[str]
    now: int


class _Deciding:
    def __init__(self, sealer: Sealer, dialect: Dialect) -> None:
        self._sealer = sealer
        self._dialect = dialect


class Cancelling(_Deciding):
    """Cancels what is queued and not taken up."""

    def __call__(self, operations: Sequence[Cancel]) -> Script[Sequence[Delivery | Exception]]:
        """The answer to each: the cancelled delivery, UnknownDelivery or WrongState."""
        return in_turn(operations, self._cancel)

    def _cancel(self, asked: Cancel) -> Script[Delivery | Exception]:
        delivery_id = asked.delivery_id
        if asked.key is not None:
            rows = yield Statement("SELECT id FROM notifyhub_deliveries WHERE key = ?", (asked.key,))
            delivery_id = rows[0][0] if rows else None
        kept = None if delivery_id is None else (yield from locked(delivery_id, self._dialect))
        if kept is None:
            return UnknownDelivery("no such delivery", field="delivery_id" if asked.key is None else "key")
        delivery = delivery_of(kept, self._sealer)
        if kept.status == Status.CANCELLED:
            return delivery
        if kept.status != Status.QUEUED or _held(kept, asked.now):
            taken = " and taken up" if kept.status == Status.QUEUED else ""
            return WrongState(
                f"it is {kept.status}{taken}",
                field="status",
                remedy="only what is queued and not taken up yet can be cancelled",
            )
        said = "cancelled: nothing is submitted any more"
        ended = yield from given_up(delivery, Status.CANCELLED, said, self._sealer, asked.now)
        yield from released(ended, self._sealer, asked.now)
        return ended


class Resolving(_Deciding):
    """Takes an operator's word on what is uncertain."""

    def __call__(self, operations: Sequence[Resolve]) -> Script[Sequence[Delivery | Exception]]:
        """The answer to each: the delivery after it, UnknownDelivery or WrongState."""
        return in_turn(operations, self._resolve)

    def _resolve(self, said: Resolve) -> Script[Delivery | Exception]:
        kept = yield from locked(said.delivery_id, self._dialect)
        if kept is None:
            return UnknownDelivery("no such delivery", field="delivery_id")
        if kept.status not in (Status.UNKNOWN, Status.DEAD):
            return WrongState(
                f"it is {kept.status}",
                field="status",
                remedy="only what is unknown or dead is for an operator to resolve",
            )
        if said.status is Status.QUEUED and kept.body is None:
            return WrongState("its words have been erased", field="status", remedy="send it anew")
        delivery = delivery_of(kept, self._sealer)
        return (yield from changed(delivery, said.step, self._sealer, said.now, status=said.status))


class Expiring(_Deciding):
    """Ends what waited in the queue until it was too late."""

    def __call__(self, operations: Sequence[Expire]) -> Script[Sequence[list[Delivery] | Exception]]:
        """The answer to each: those that were ended."""
        answers = []
        for operation in operations:
            ended = []
            for delivery_id in operation.ids:
                kept = yield from locked(delivery_id, self._dialect)
                if kept is None or kept.status != Status.QUEUED or _held(kept, operation.now):
                    continue  # taken up or ended since it was looked for
                delivery = delivery_of(kept, self._sealer)
                said = "deadline: passed while it was queued"
                late = yield from given_up(delivery, Status.EXPIRED, said, self._sealer, operation.now)
                yield from released(late, self._sealer, operation.now)
                ended.append(late)
            answers.append(ended)
        return answers


def _held(kept: Kept, now: int) -> bool:
    return kept.lease is not None and kept.lease > now
