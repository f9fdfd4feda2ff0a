"""`notifyhub send`: one notification, and what became of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from notifyhub.cli.deliveries import dry_run as run_dry
from notifyhub.cli.deliveries import tell, values
from notifyhub.cli.options import (
    Category,
    Channel,
    Config,
    DryRun,
    Explain,
    Json,
    Key,
    Locale,
    NoticeName,
    Text,
    To,
    Variables,
    read_variables,
)
from notifyhub.cli.output import reserved
from notifyhub.cli.program import ACCEPTED, NOT_ACCEPTED, UNKNOWN

if TYPE_CHECKING:
    from notifyhub.outcome import Delivery

__all__ = ["send"]


def send(
    to: To,
    notice: NoticeName = None,
    var: Variables = None,
    text: Text = None,
    channel: Channel = None,
    locale: Locale = None,
    category: Category = None,
    key: Key = None,
    config: Config = None,
    dry_run: DryRun = False,
    explain: Explain = False,
    as_json: Json = False,
) -> None:
    """Send a notice (or a text) to an address.

    Exit status: 0 accepted, or queued for later where a policy said so; 3 refused, not sent or
    suppressed, 4 unknown, 2 where the request or the settings are wrong.
    """
    asked: dict[str, Any] = {
        "to": to, "data": read_variables(var) or None, "text": text, "channel": channel,
        "locale": locale, "category": category, "key": key,
    }  # fmt: skip
    if dry_run:
        run_dry(config, notice, asked, as_json=as_json)
        return
    with reserved(as_json):
        delivery = asyncio.run(_send(config, notice, asked))
    tell(delivery, values(delivery), as_json=as_json, explain=explain)
    raise typer.Exit(_exit_status(delivery))


async def _send(config: Path | None, notice: str | None, asked: dict[str, Any]) -> Delivery:
    from notifyhub.hub import Hub

    async with Hub.from_settings(config) as hub:
        return await hub.send(notice, **asked)


def _exit_status(delivery: Delivery) -> int:
    from notifyhub.outcome import Status

    # Queued: a policy put it off, and the ledger keeps it for a worker.
    if delivery.ok or delivery.status is Status.QUEUED:
        return ACCEPTED
    # `sending` is what the same key finds while its first delivery is under way.
    return UNKNOWN if delivery.status in (Status.UNKNOWN, Status.SENDING) else NOT_ACCEPTED
