"""Privacy: what is forgotten in time, and what is told or erased when a person asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from notifyhub.ledger.exported import exported_delivery, exported_reply
from notifyhub.ledger.job import Retention
from notifyhub.ledger.memory.mailbox import ParkedReceipts, Replies
from notifyhub.ledger.memory.shelf import Kept, Shelf
from notifyhub.outcome import Reply

__all__ = ["about", "erase", "export", "purge"]


def purge(
    shelf: Shelf, parked: ParkedReceipts, replies: Replies, retention: Retention, now: datetime
) -> Mapping[str, int]:
    """See `Ledger.purge`."""
    erased = dict.fromkeys(("bodies", "addresses", "deliveries"), 0)
    for kept in list(shelf.ended.values()):
        days = (now - kept.delivery.created_at) / timedelta(days=1)
        if days >= retention.delivery:
            shelf.forget(kept)
            erased["deliveries"] += 1
            continue
        if days >= min(retention.body, retention.address) and kept.job is not None:
            kept.job = None
            erased["bodies"] += 1
        if days >= retention.address and kept.delivery.address:
            kept.blank()
            erased["addresses"] += 1
    oldest = now.timestamp() - retention.address * 86400.0
    erased["receipts"] = parked.drop_old(now.timestamp())
    erased["replies"] = replies.drop(lambda _, at: at <= oldest)
    return erased


def about(shelf: Shelf, *, subject: str | None, address: str | None) -> list[Kept]:
    """The deliveries to a person, the oldest first."""
    concerned = [
        kept
        for kept in shelf
        if (subject is not None and kept.subject == subject)
        or (address is not None and kept.delivery.address == address)
    ]
    return sorted(concerned, key=lambda kept: (kept.delivery.created_at, kept.delivery.id))


def export(concerned: Sequence[Kept], replies: Replies, *, address: str | None) -> Sequence[dict[str, Any]]:
    """These deliveries, and the person's replies."""
    theirs = _theirs(concerned, address)
    return [
        *(
            exported_delivery(kept.delivery, kept.job.message if kept.job else None, kept.subject)
            for kept in concerned
        ),
        *(exported_reply(reply) for reply in replies if theirs(reply)),
    ]


def erase(
    concerned: Sequence[Kept], parked: ParkedReceipts, replies: Replies, *, address: str | None
) -> None:
    """Forget the person in these deliveries, what was pushed of them, and their replies."""
    theirs = _theirs(concerned, address)
    replies.drop(lambda reply, _: theirs(reply))
    for known in {kept.delivery.address for kept in concerned} | {address}:
        if known:
            parked.drop_from(known)
    for kept in concerned:
        kept.blank()


def _theirs(concerned: Sequence[Kept], address: str | None) -> Callable[[Reply], bool]:
    addresses = {address, *(kept.delivery.address for kept in concerned)}
    ids = {kept.delivery.id for kept in concerned}
    return lambda reply: reply.address in addresses or reply.delivery_id in ids
