"""`notifyhub send`: one notification, and what became of it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifyhub.cli.options import Channel, Config, Json, Locale, Variables, read_variables
from notifyhub.cli.output import print_json, reserved
from notifyhub.cli.program import ACCEPTED, NOT_ACCEPTED, UNKNOWN

if TYPE_CHECKING:
    from notifyhub.message import Message
    from notifyhub.outcome import Attempt, Delivery

__all__ = ["send"]


def send(
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="A phone number or a mail address.")],
    notice: Annotated[
        str | None, typer.Argument(help="The notice, such as login/code.", show_default=False)
    ] = None,
    var: Variables = None,
    text: Annotated[
        str | None, typer.Option("--text", help="Finished words instead of a notice.", show_default=False)
    ] = None,
    channel: Channel = None,
    locale: Locale = None,
    category: Annotated[
        str | None,
        typer.Option(
            "--category",
            metavar="C",
            help="otp, alert, order, marketing or ops: decides what may follow an uncertain attempt.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="Idempotency key, kept in the ledger (the one in memory ends with this command).",
            show_default=False,
        ),
    ] = None,
    config: Config = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and choose the route, but send nothing.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Tell every decision on the way.")] = False,
    as_json: Json = False,
) -> None:
    """Send a notice (or a text) to an address.

    Exit status: 0 accepted, 3 refused, not sent or suppressed, 4 unknown, 2 where the request or the
    settings are wrong.
    """
    asked: dict[str, Any] = {
        "to": to, "data": read_variables(var) or None, "text": text, "channel": channel,
        "locale": locale, "category": category, "key": key,
    }  # fmt: skip
    if dry_run:
        with reserved(as_json):
            message, provider = asyncio.run(_dry_run(config, notice, asked))
        _tell_dry_run(message, provider, as_json)
        return
    with reserved(as_json):
        delivery = asyncio.run(_send(config, notice, asked))
    _tell(delivery, as_json=as_json, explain=explain)
    raise typer.Exit(_exit_status(delivery))


async def _send(config: Path | None, notice: str | None, asked: dict[str, Any]) -> Delivery:
    from notifyhub.hub import Hub

    async with Hub.from_settings(config) as hub:
        return await hub.send(notice, **asked)


async def _dry_run(config: Path | None, notice: str | None, asked: dict[str, Any]) -> tuple[Message, str]:
    from notifyhub.hub import Hub

    async with Hub.from_settings(config) as hub:
        message = hub.preview(notice, **asked)
        return message, hub.router.route(message).instances[0].name


def _exit_status(delivery: Delivery) -> int:
    from notifyhub.outcome import Status

    if delivery.ok:
        return ACCEPTED
    # `sending` is what the same key finds while its first delivery is under way.
    return UNKNOWN if delivery.status in (Status.UNKNOWN, Status.SENDING) else NOT_ACCEPTED


def _tell(delivery: Delivery, *, as_json: bool, explain: bool) -> None:
    if as_json:
        print_json(
            {
                "id": delivery.id,
                "status": delivery.status,
                "channel": delivery.channel,
                "provider": delivery.provider,
                "provider_message_id": delivery.provider_message_id,
                "reason": delivery.reason,
                "attempts": [_attempt(attempt) for attempt in delivery.attempts],
            }
        )
    else:
        words = [f"{delivery.status}: {delivery.what} by {delivery.channel} to {delivery.to}"]
        if delivery.provider:
            words.append(f"through {delivery.provider}")
        if delivery.provider_message_id:
            words.append(f"id {delivery.provider_message_id}")
        if not delivery.ok:
            words.append(_why(delivery))
        print(" · ".join(word for word in words if word))
    if explain or not (delivery.ok or as_json):
        # Asked for, it is a result; unasked it must not mix with what a script reads.
        print(delivery.explain(), file=sys.stdout if explain and not as_json else sys.stderr)


def _why(delivery: Delivery) -> str:
    from notifyhub.reason import REASONS

    if delivery.detail:
        return delivery.detail
    return f"{delivery.reason}: {REASONS[delivery.reason].meaning}" if delivery.reason else ""


def _attempt(attempt: Attempt) -> dict[str, Any]:
    outcome = attempt.outcome
    return {
        "provider": attempt.provider,
        "outcome": outcome.kind,
        "reason": outcome.reason,
        "code": outcome.code,
        "provider_message_id": outcome.provider_message_id,
        "elapsed_ms": round(attempt.elapsed_ms, 1),
    }


def _tell_dry_run(message: Message, provider: str, as_json: bool) -> None:
    from notifyhub.address import mask

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
