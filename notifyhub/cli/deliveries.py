"""Deliveries as the command line tells of them: nothing personal, whoever looks at the screen."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notifyhub.cli.output import print_json, reserved

if TYPE_CHECKING:
    from notifyhub.message import Message
    from notifyhub.outcome import Attempt, Delivery, Receipt

__all__ = [
    "attempt_values",
    "dry_run",
    "local",
    "masked",
    "moment",
    "receipt_values",
    "sentence",
    "tell",
    "values",
]


def values(delivery: Delivery) -> dict[str, Any]:
    """What `send --json` prints."""
    return {
        "id": delivery.id,
        "status": delivery.status,
        "channel": delivery.channel,
        "provider": delivery.provider,
        "provider_message_id": delivery.provider_message_id,
        "reason": delivery.reason,
        "attempts": [attempt_values(attempt) for attempt in delivery.attempts],
    }


def attempt_values(attempt: Attempt) -> dict[str, Any]:
    """One attempt, as every `--json` has it."""
    outcome = attempt.outcome
    return {
        "provider": attempt.provider,
        "outcome": outcome.kind,
        "reason": outcome.reason,
        "code": outcome.code,
        "provider_message_id": outcome.provider_message_id,
        "elapsed_ms": round(attempt.elapsed_ms, 1),
    }


def receipt_values(receipt: Receipt) -> dict[str, Any]:
    """One receipt, without the number it came for."""
    return {
        "provider": receipt.provider,
        "provider_message_id": receipt.provider_message_id,
        "delivered": receipt.delivered,
        "code": receipt.code,
        "detail": receipt.detail,
        "reported_at": moment(receipt.reported_at),
    }


def sentence(delivery: Delivery) -> str:
    """One line: what it is, and what became of it."""
    from notifyhub.outcome import Status

    words = [f"{delivery.status}: {delivery.what} by {delivery.channel} to {delivery.to}"]
    if delivery.provider:
        words.append(f"through {delivery.provider}")
    if delivery.provider_message_id:
        words.append(f"id {delivery.provider_message_id}")
    if delivery.status is Status.QUEUED:
        words += ["" if delivery.due is None else f"due {local(delivery.due)}", f"id {delivery.id}"]
    if not delivery.ok:
        words.append(_why(delivery))
    return " · ".join(word for word in words if word)


def tell(delivery: Delivery, told: Mapping[str, Any], *, as_json: bool, explain: bool) -> None:
    """Print a delivery: the object, or the line; with every decision where asked, or where nobody has it."""
    from notifyhub.outcome import Status

    if as_json:
        print_json(told)
    else:
        print(sentence(delivery))
    fine = delivery.ok or delivery.status is Status.QUEUED
    if explain or not (fine or as_json):
        # Asked for, it is a result; unasked it must not mix with what a script reads.
        print(delivery.explain(), file=sys.stdout if explain and not as_json else sys.stderr)


def dry_run(config: Path | None, notice: str | None, asked: dict[str, Any], *, as_json: bool) -> None:
    """Tell what would be sent, and through whom. Raises what a send would raise."""
    from notifyhub.address import mask

    with reserved(as_json):
        message, provider = asyncio.run(_chosen(config, notice, asked))
    if as_json:
        print_json(
            {
                "id": message.id,
                "status": "dry_run",
                "channel": message.channel,
                "provider": provider,
                "provider_message_id": None,
                "reason": None,
                "attempts": [],
            }
        )
        return
    what = f"{message.notice or 'text'} by {message.channel} to {mask(message.to)}"
    print(
        f"dry_run: {what} · would go through {provider} · {len(message.text)} characters · nothing was sent"
    )


def masked(delivery: Delivery) -> str | None:
    """Whom it was for, as anybody may see it; None once that is erased."""
    return delivery.to if delivery.address else None


def moment(time: datetime | None) -> str | None:
    """A time for scripts: ISO 8601 with its zone."""
    return None if time is None else time.isoformat()


def local(time: datetime) -> str:
    """A time for people, in this machine's zone."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


async def _chosen(config: Path | None, notice: str | None, asked: dict[str, Any]) -> tuple[Message, str]:
    from notifyhub.cli.hubs import forgetful
    from notifyhub.hub import Hub
    from notifyhub.settings import load_settings

    async with Hub(forgetful(load_settings(config))) as hub:
        message = hub.preview(notice, **asked)
        return message, hub.router.route(message).instances[0].name


def _why(delivery: Delivery) -> str:
    from notifyhub.reason import REASONS

    if delivery.detail:
        return delivery.detail
    return f"{delivery.reason}: {REASONS[delivery.reason].meaning}" if delivery.reason else ""
