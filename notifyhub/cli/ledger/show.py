"""`notifyhub ledger show`: all that is kept of a delivery and is not personal."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notifyhub.cli.deliveries import attempt_values, local, masked, moment, receipt_values
from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.options import Config, DeliveryId, Json
from notifyhub.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from notifyhub.outcome import Attempt, Delivery, Receipt

__all__ = ["delivery_by_id", "show"]


def show(delivery_id: DeliveryId, config: Config = None, as_json: Json = False) -> None:
    """Show a delivery: its state, its attempts and its receipts, with its address masked."""
    delivery = delivery_by_id(config, delivery_id)
    if as_json:
        print_json(_values(delivery))
        return
    facts = _facts(delivery)
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
    if delivery.attempts:
        print("\nAttempts:\n")
        columns = ["attempt", "provider", "outcome", "reason", "code", "id", "began", "ms"]
        print_rows(columns, [_attempt_row(attempt) for attempt in delivery.attempts])
    if delivery.receipts:
        print("\nReceipts:\n")
        columns = ["provider", "said", "code", "id", "reported", "detail"]
        print_rows(columns, [_receipt_row(receipt) for receipt in delivery.receipts])


def delivery_by_id(config: Path | None, delivery_id: str) -> Delivery:
    """A delivery from the ledger. Raises UnknownDelivery."""
    return asyncio.run(_delivery(config, delivery_id))


async def _delivery(config: Path | None, delivery_id: str) -> Delivery:
    from notifyhub.errors import UnknownDelivery
    from notifyhub.settings import load_settings

    async with opened_ledger(load_settings(config)) as ledger:
        delivery = await ledger.get(delivery_id)
    if delivery is None:
        raise UnknownDelivery("no such delivery", field="id", remedy="`notifyhub ledger find` lists them")
    return delivery


def _values(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "status": delivery.status,
        "key": delivery.key,
        "category": delivery.category,
        "channel": delivery.channel,
        "to": masked(delivery),
        "notice": delivery.notice,
        "locale": delivery.locale,
        "provider": delivery.provider,
        "provider_message_id": delivery.provider_message_id,
        "reason": delivery.reason,
        "detail": delivery.detail,
        "created_at": moment(delivery.created_at),
        "due": moment(delivery.due),
        "resend_of": delivery.resend_of,
        "escalates": delivery.escalates,
        "attempts": [
            {**attempt_values(each), "number": each.number, "started_at": moment(each.started_at)}
            for each in delivery.attempts
        ],
        "receipts": [receipt_values(each) for each in delivery.receipts],
        "steps": [str(step) for step in delivery.steps],
    }


def _facts(delivery: Delivery) -> dict[str, str]:
    facts = {
        "id": delivery.id,
        "status": delivery.status,
        "what": f"{delivery.what} ({delivery.category}) by {delivery.channel}",
        "to": masked(delivery) or "(erased)",
        "locale": delivery.locale,
        "key": delivery.key,
        "created": local(delivery.created_at),
        "due": None if delivery.due is None else local(delivery.due),
        "through": delivery.provider,
        "their id": delivery.provider_message_id,
        "reason": delivery.reason,
        "detail": delivery.detail,
        "resend of": delivery.resend_of,
        "follows": delivery.escalates,
    }
    return {name: value for name, value in facts.items() if value}


def _attempt_row(attempt: Attempt) -> list[str]:
    outcome = attempt.outcome
    return [
        str(attempt.number),
        attempt.provider,
        outcome.kind,
        outcome.reason or "",
        outcome.code or "",
        outcome.provider_message_id or "",
        local(attempt.started_at),
        f"{attempt.elapsed_ms:.0f}",
    ]


def _receipt_row(receipt: Receipt) -> list[str]:
    return [
        receipt.provider,
        "delivered" if receipt.delivered else "not delivered",
        receipt.code or "",
        receipt.provider_message_id,
        "" if receipt.reported_at is None else local(receipt.reported_at),
        receipt.detail or "",
    ]
