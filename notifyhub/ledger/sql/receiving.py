"""Receiving: the vendor's later word on a delivery, and what people answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from notifyhub.ledger.sealing import Sealer
from notifyhub.ledger.sql.changing import locked
from notifyhub.ledger.sql.encoding import RECENT, decode, encode, microseconds, optional_moment
from notifyhub.ledger.sql.finding import by_vendor_id
from notifyhub.ledger.sql.parking import joined, park, unpark
from notifyhub.ledger.sql.rows import delivery_of
from notifyhub.ledger.sql.script import Script, Statement, in_turn
from notifyhub.ledger.sql.store import Dialect
from notifyhub.outcome import Delivery, Receipt, Reply

__all__ = ["Heard", "Hearing", "Received", "Receiving", "Rejoining", "barred", "reply_of"]


class Received(NamedTuple):
    """A receipt, and when it came (microseconds). hint: the delivery it was found to be about, before."""

    receipt: Receipt
    now: int
    hint: str | None


class Heard(NamedTuple):
    """A reply; the rest as in `Received`."""

    reply: Reply
    now: int
    hint: str | None


class _Matching:
    def __init__(self, sealer: Sealer, dialect: Dialect) -> None:
        self._sealer = sealer
        self._dialect = dialect

    def _known(self, provider: str, vendor_id: str, came: Received | Heard) -> Script[Delivery | None]:
        """The delivery by a vendor's id.

        Looking through half a year takes long, and everybody waits for a write: that was done before,
        and here what was recorded since is looked for. It is new, or has an alias.
        """
        delivery_id = came.hint
        if delivery_id is None:
            delivery_id = yield from by_vendor_id(provider, vendor_id, came.now - RECENT)
        if delivery_id is None:
            return None
        kept = yield from locked(delivery_id, self._dialect)
        return None if kept is None else delivery_of(kept, self._sealer)


class Receiving(_Matching):
    """Takes receipts in."""

    def __call__(
        self, operations: Sequence[Received]
    ) -> Script[Sequence[tuple[Delivery | None, bool] | Exception]]:
        """The answer to each: the delivery after it, and whether it was news."""
        return in_turn(operations, self._receive)

    def _receive(self, came: Received) -> Script[tuple[Delivery | None, bool]]:
        receipt, now, _ = came
        key = (receipt.provider, receipt.provider_message_id)
        delivery = yield from self._known(*key, came)
        if delivery is None:
            return None, (yield from park(receipt, self._sealer, now))
        if delivery.address != receipt.address:
            return None, False
        if any(receipt.same_news(known) for known in delivery.receipts):
            return delivery, False
        return (yield from joined(delivery, receipt, self._sealer, now)), True


class Rejoining(_Matching):
    """Looks once more for the deliveries of receipts that were just parked: see `Dialect.barrier`."""

    def __call__(
        self, operations: Sequence[Received]
    ) -> Script[Sequence[tuple[Delivery | None, bool] | Exception]]:
        """The answer to each, as `Receiving` would have given it."""
        return in_turn(operations, self._rejoin)

    def _rejoin(self, came: Received) -> Script[tuple[Delivery | None, bool]]:
        receipt, now, _ = came
        delivery = yield from self._known(receipt.provider, receipt.provider_message_id, came)
        if delivery is None:
            return None, True
        yield from unpark(receipt, self._sealer)
        if delivery.address != receipt.address:
            return None, False
        if any(receipt.same_news(known) for known in delivery.receipts):
            return None, True  # whoever recorded it had seen it, and tells of it
        return (yield from joined(delivery, receipt, self._sealer, now)), True


class Hearing(_Matching):
    """Takes replies in."""

    def __call__(self, operations: Sequence[Heard]) -> Script[Sequence[tuple[Reply, bool] | Exception]]:
        """The answer to each: the reply with its delivery's id, and whether it was news."""
        return in_turn(operations, self._hear)

    def _hear(self, came: Heard) -> Script[tuple[Reply, bool]]:
        reply, now, _ = came
        if reply.provider_message_id is not None:
            delivery = yield from self._known(reply.provider, reply.provider_message_id, came)
            if delivery is not None and delivery.address == reply.address:
                reply = replace(reply, delivery_id=delivery.id)
        at = reply.received_at
        received = None if at is None else microseconds(at)
        body = encode([reply.provider, reply.address, reply.text, reply.provider_message_id, received])
        digest = self._sealer.digest(body)
        inserted = yield Statement(
            "INSERT INTO notifyhub_replies (digest, at, delivery, search, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING RETURNING digest",
            (
                digest,
                now,
                reply.delivery_id,
                self._sealer.digest(reply.address),
                self._sealer.seal(body, digest),
            ),
        )
        return reply, bool(inserted)


def barred(dialect: Dialect) -> Script[None]:
    """Wait until what is being recorded is recorded."""
    yield Statement(dialect.barrier)


def reply_of(digest: str, delivery_id: str | None, body: str, sealer: Sealer) -> Reply:
    """The reply in a row."""
    provider, address, text, vendor_id, received = decode(sealer.open(body, digest))
    return Reply(
        provider=provider,
        address=address,
        text=text,
        provider_message_id=vendor_id,
        received_at=optional_moment(received),
        delivery_id=delivery_id,
    )
