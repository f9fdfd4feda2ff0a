"""Exported: what is kept about a person, as plain values that any JSON encoder takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from notifyhub.ledger.admission import Suppression
from notifyhub.message import Message
from notifyhub.outcome import Delivery, Reply

__all__ = ["exported_delivery", "exported_reply", "exported_suppression"]


def exported_delivery(delivery: Delivery, message: Message | None, subject: str | None) -> dict[str, Any]:
    """One delivery: to whom, what was said while that is kept, and what became of it, step by step.

    Times are ISO 8601. message: None where the words were erased. subject: the recipient's id.
    """
    words = None
    if message is not None:
        words = {
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
            "variables": dict(message.variables),
        }
    return {
        "delivery": delivery.id,
        "status": delivery.status.value,
        "created_at": delivery.created_at.isoformat(),
        "due": _iso(delivery.due),
        "recipient": subject,
        "channel": delivery.channel,
        "address": delivery.address,
        "category": delivery.category.value,
        "notice": delivery.notice,
        "locale": delivery.locale,
        "key": delivery.key,
        "resend_of": delivery.resend_of,
        "escalates": delivery.escalates,
        "reason": delivery.reason.value if delivery.reason is not None else None,
        "detail": delivery.detail,
        "words": words,
        "steps": [str(step) for step in delivery.steps],
        "receipts": [
            {
                "provider": receipt.provider,
                "delivered": receipt.delivered,
                "code": receipt.code,
                "detail": receipt.detail,
                "reported_at": _iso(receipt.reported_at),
            }
            for receipt in delivery.receipts
        ],
    }


def exported_reply(reply: Reply) -> dict[str, Any]:
    """One reply: from where, when and what."""
    return {
        "reply_to": reply.delivery_id,
        "provider": reply.provider,
        "address": reply.address,
        "text": reply.text,
        "received_at": _iso(reply.received_at),
    }


def exported_suppression(entry: Suppression) -> dict[str, Any]:
    """One entry of the suppression list: what it forbids, why, who said so. The address is "" once erased."""
    return {
        "suppression": entry.id,
        "address": entry.address,
        "channel": entry.channel,
        "category": None if entry.category is None else entry.category.value,
        "instance": entry.instance,
        "reason": entry.reason,
        "source": entry.source,
        "since": entry.since.isoformat(),
        "until": _iso(entry.until),
        "lifted_at": _iso(entry.lifted_at),
        "lifted_by": entry.lifted_by,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
