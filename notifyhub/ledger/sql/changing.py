"""Changing: one delivery read, and kept again as something changed it, within one transaction.

For what happens seldom. What happens to every delivery (`opening`, `claiming`, `recording`) is written
for many rows at once and reads nothing.
"""

from __future__ import annotations

from notifyhub.category import Category
from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.encoding import microseconds
from notifyhub.ledger.sql.history import extent_of, line_of
from notifyhub.ledger.sql.rows import COLUMNS, Kept
from notifyhub.ledger.sql.script import Script, Statement
from notifyhub.ledger.sql.store import Dialect
from notifyhub.outcome import Delivery, Status

__all__ = ["FENCED", "FREE", "changed", "erases", "erasure", "given_up", "locked", "put", "vendor_keys"]

_OTP = Category.OTP  # a look-up in an Enum class is slow


def locked(delivery_id: str, dialect: Dialect) -> Script[Kept | None]:
    """The row of a delivery, which nobody else changes until the transaction ends."""
    rows = yield Statement(
        f"SELECT {COLUMNS} FROM notifyhub_deliveries WHERE id = ?{dialect.lock}",  # noqa: S608 - our own words
        (delivery_id,),
    )
    return Kept(*rows[0]) if rows else None


def erases(delivery: Delivery) -> bool:
    """Whether its words go in the write that keeps it: a code's, at its end."""
    return delivery.category is _OTP and delivery.status.is_final


def erasure(sealer: Sealer) -> str:
    """What erases the words, as part of a SET.

    A plain hash of a text with six unknown digits gives them away: it goes too, unless it is keyed.
    """
    return "body = NULL" if sealer.seals else "body = NULL, fingerprint = substr(fingerprint, 1, 33)"


FREE = ", owner = NULL, lease = NULL, claims = 0, instance = NULL"
"""What ends a lease, as part of a SET. Nobody is being submitted to then."""
FENCED = f"{FREE}, token = token + 1"
"""What takes it from whoever may still believe to hold it."""


def put(delivery: Delivery, line: str, sealer: Sealer, *, more: str = FREE, now: int = 0) -> Script[None]:
    """Keep the delivery's state with one more line of history.

    more: what else is set. now: when it is due, if it is queued at once.
    """
    due = None
    if delivery.status is Status.QUEUED:
        due = now if delivery.due is None else microseconds(delivery.due)
    if erases(delivery):
        more += f", {erasure(sealer)}"
    yield Statement(
        "UPDATE notifyhub_deliveries SET status = ?, due = ?, provider = ?, vendor_id = ?, copies = ?,"  # noqa: S608
        f" history = history || ?{more} WHERE id = ?",
        (
            delivery.status,
            due,
            delivery.provider,
            delivery.provider_message_id,
            delivery.copies,
            line,
            delivery.id,
        ),
    )


def changed(before: Delivery, step: str, sealer: Sealer, now: int, **changes: object) -> Script[Delivery]:
    """Keep the delivery with these fields changed, for the reason that the step tells."""
    after = before.evolve(steps=(*before.steps, step), **changes)
    yield from put(after, line_of(after, now, extent_of(before)), sealer, more=FENCED, now=now)
    return after


def given_up(before: Delivery, status: Status, step: str, sealer: Sealer, now: int) -> Script[Delivery]:
    """End what is queued; where a copy may be out, nobody can say that nothing went."""
    ended = Status.UNKNOWN if before.copies else status
    return (yield from changed(before, step, sealer, now, status=ended))


def vendor_keys(delivery: Delivery) -> list[tuple[str, str]]:
    """By what vendors know it: instance and id of each attempt that was given one."""
    keys = []
    for attempt in delivery.attempts:
        vendor_id = attempt.outcome.provider_message_id
        if vendor_id is not None:
            keys.append((attempt.provider, vendor_id))
    return keys
