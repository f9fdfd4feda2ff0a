"""`notifyhub enqueue`: one notification, kept to be sent by a worker."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifyhub.cli.deliveries import dry_run as run_dry
from notifyhub.cli.deliveries import moment, tell, values
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
from notifyhub.cli.times import ahead

if TYPE_CHECKING:
    from notifyhub.outcome import Delivery

__all__ = ["enqueue"]


def enqueue(
    to: To,
    notice: NoticeName = None,
    var: Variables = None,
    text: Text = None,
    channel: Channel = None,
    locale: Locale = None,
    category: Category = None,
    key: Key = None,
    send_at: Annotated[
        str | None,
        typer.Option(
            "--send-at",
            metavar="TIME",
            help="Not before: 2026-11-22T20:00+08:00, or +30s, +10m, +2h from now.",
            show_default=False,
        ),
    ] = None,
    expires_at: Annotated[
        str | None,
        typer.Option(
            "--expires-at", metavar="TIME", help="Not after; written the same way.", show_default=False
        ),
    ] = None,
    config: Config = None,
    dry_run: DryRun = False,
    explain: Explain = False,
    as_json: Json = False,
) -> None:
    """Keep a notice (or a text) in the ledger, to be sent by `notifyhub worker`.

    Exit status: 0 queued, or known already under its key, whatever has become of it since; 2 where the
    request or the settings are wrong, 75 where the ledger cannot keep it now: run it
    again, with `--key` so that it can never be kept twice.
    """
    now = datetime.now(UTC)
    asked: dict[str, Any] = {
        "to": to, "data": read_variables(var) or None, "text": text, "channel": channel,
        "locale": locale, "category": category, "key": key,
        "send_at": None if send_at is None else ahead(send_at, "send_at", now),
        "expires_at": None if expires_at is None else ahead(expires_at, "expires_at", now),
    }  # fmt: skip
    if dry_run:
        run_dry(config, notice, asked, as_json=as_json)
        return
    with reserved(as_json):
        delivery = asyncio.run(_enqueue(config, notice, asked))
    told = {**values(delivery), "key": delivery.key, "due": moment(delivery.due)}
    tell(delivery, told, as_json=as_json, explain=explain)


async def _enqueue(config: Path | None, notice: str | None, asked: dict[str, Any]) -> Delivery:
    from notifyhub.cli.hubs import lasting_ledger
    from notifyhub.hub import Hub
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    ledger = lasting_ledger(settings, "nothing would ever send what is queued in it")
    async with Hub(settings, ledger=ledger) as hub:
        return await hub.enqueue(notice, **asked)
