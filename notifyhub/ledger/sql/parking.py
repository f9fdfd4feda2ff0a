"""Parking: receipts that came before the submission they speak of was recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.changing import put
from notifyhub.ledger.sql.encoding import HOUR, decode, encode, microseconds, optional_moment
from notifyhub.ledger.sql.history import receipt_line
from notifyhub.ledger.sql.script import Batch, Row, Script, Statement
from notifyhub.ledger.sql.store import Dialect
from notifyhub.outcome import Delivery, Receipt

__all__ = ["join", "joined", "park", "parked", "unpark"]

PARKED_FOR = 24 * HOUR
"""How long a receipt waits."""
MOST_PARKED = 8
"""Receipts that wait under one vendor id: a vendor sends two or three, a forger must not fill the disk."""

_TAKE = "DELETE FROM notifyhub_parked WHERE provider = ? AND vendor_id = ? AND digest = ?"


def joined(before: Delivery, receipt: Receipt, sealer: Sealer, now: int) -> Script[Delivery]:
    """Keep the delivery with one receipt more."""
    after = before.with_receipt(replace(receipt, delivery_id=before.id))
    line = receipt_line(after.receipts[-1:], after.steps[-1:], now)
    # Whoever holds it keeps its lease, and brings its own state to this one when it records.
    yield from put(after, line, sealer, more="", now=now)
    return after


def park(receipt: Receipt, sealer: Sealer, now: int) -> Script[bool]:
    """Let a receipt wait; whether it was news."""
    yield Statement("DELETE FROM notifyhub_parked WHERE at <= ?", (now - PARKED_FOR,))
    key = (receipt.provider, receipt.provider_message_id)
    digest = _digest(receipt, sealer)
    ((waiting, same),) = yield Statement(
        "SELECT count(*), count(CASE WHEN digest = ? THEN 1 END) FROM notifyhub_parked"
        " WHERE provider = ? AND vendor_id = ?",
        (digest, *key),
    )
    if same or waiting >= MOST_PARKED:
        return False
    inserted = yield Statement(
        "INSERT INTO notifyhub_parked (provider, vendor_id, digest, at, search, body)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING digest",
        (*key, digest, now, sealer.digest(receipt.address), sealer.seal(_written(receipt), digest)),
    )
    return bool(inserted)


def parked(keys: Collection[tuple[str, str]], sealer: Sealer, dialect: Dialect) -> Script[list[Receipt]]:
    """What waits under these vendor ids, the oldest first; it waits no longer."""
    if not keys:
        return []
    if dialect.share:
        yield Statement(dialect.share)
    # One look that nearly always says no, whatever number of deliveries is being recorded.
    if not (yield Statement("SELECT 1 FROM notifyhub_parked LIMIT 1")):
        return []
    found: list[Receipt] = []
    taken: list[tuple[str, str, str]] = []
    for key in keys:
        rows = yield Statement(
            "SELECT digest, body FROM notifyhub_parked WHERE provider = ? AND vendor_id = ? ORDER BY at", key
        )
        found += [_read(*key, sealer.open(body, digest)) for digest, body in rows]
        taken += [(*key, digest) for digest, _ in rows]
    if taken:
        yield Batch(_TAKE, sorted(set(taken)))  # these only: another may have been parked since
    return found


def unpark(receipt: Receipt, sealer: Sealer) -> Script[None]:
    """Let a receipt wait no longer."""
    key = (receipt.provider, receipt.provider_message_id)
    yield Statement(_TAKE, (*key, _digest(receipt, sealer)))


def join(delivery: Delivery, receipts: Iterable[Receipt], sealer: Sealer, now: int) -> Script[Delivery]:
    """Keep the delivery with those of the receipts that are its own and news."""
    for receipt in receipts:
        if receipt.address != delivery.address or any(receipt.same_news(k) for k in delivery.receipts):
            continue
        delivery = yield from joined(delivery, receipt, sealer, now)
    return delivery


def _digest(receipt: Receipt, sealer: Sealer) -> str:
    key = (receipt.provider, receipt.provider_message_id)
    return sealer.digest(encode([*key, receipt.address, receipt.delivered]))


def _written(receipt: Receipt) -> str:
    at = receipt.reported_at
    reported = None if at is None else microseconds(at)
    return encode([receipt.delivered, receipt.address, receipt.code, receipt.detail, reported])


def _read(provider: str, vendor_id: str, body: str) -> Receipt:
    values: Row = decode(body)
    return Receipt(
        provider=provider,
        provider_message_id=vendor_id,
        delivered=values[0],
        address=values[1],
        code=values[2],
        detail=values[3],
        reported_at=optional_moment(values[4]),
    )
