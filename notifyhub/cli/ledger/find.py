"""`notifyhub ledger find`: the deliveries that fit, the newest first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifyhub.cli.addresses import normalised
from notifyhub.cli.deliveries import local, masked, moment
from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.options import Config
from notifyhub.cli.output import print_json_lines, print_rows
from notifyhub.cli.times import ago
from notifyhub.errors import NotificationError, nearest

if TYPE_CHECKING:
    from notifyhub.outcome import Delivery

__all__ = ["find"]


def find(
    to: Annotated[
        str | None, typer.Option("--to", metavar="ADDRESS", help="Sent to this address.", show_default=False)
    ] = None,
    status: Annotated[
        str | None,
        typer.Option("--status", metavar="S", help="queued, unknown, delivered, …", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Made at or after: 2026-11-22, 2026-11-22T20:00+08:00, or 30m, 2h, 3d ago.",
            show_default=False,
        ),
    ] = None,
    category: Annotated[
        str | None,
        typer.Option(
            "--category", metavar="C", help="otp, alert, order, marketing or ops.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most so many.")] = 100,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Find deliveries by address, status, category and age; the newest come first."""
    found = asyncio.run(_found(config, to, status, since, category, limit))
    if as_json:
        print_json_lines(map(_values, found))
        return
    columns = ["id", "created", "status", "category", "what", "to", "provider", "attempts", "reason"]
    print_rows(columns, [_row(delivery) for delivery in found])


async def _found(
    config: Path | None,
    to: str | None,
    status: str | None,
    since: str | None,
    category: str | None,
    limit: int,
) -> Sequence[Delivery]:
    from notifyhub.category import Category
    from notifyhub.ledger import Query
    from notifyhub.outcome import Status
    from notifyhub.settings import load_settings

    query = Query(
        status=None if status is None else Status(_known("status", status, list(Status))),
        category=None if category is None else Category(_known("category", category, list(Category))),
        since=None if since is None else ago(since, "since", datetime.now(UTC)),
        limit=limit,
    )
    settings = load_settings(config)
    async with opened_ledger(settings) as ledger:
        if to is not None:
            query = replace(query, address=normalised(to, settings.default_country))
        return await ledger.search(query)


def _known(field: str, word: str, words: Sequence[str]) -> str:
    if word not in words:
        raise NotificationError(f"unknown {field}", field=field, remedy=nearest(word, words))
    return word


def _values(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "key": delivery.key,
        "status": delivery.status,
        "category": delivery.category,
        "provider": delivery.provider,
        "provider_message_id": delivery.provider_message_id,
        "attempts": len(delivery.attempts),
        "to": masked(delivery),
        "notice": delivery.notice,
        "created_at": moment(delivery.created_at),
        "due": moment(delivery.due),
        "reason": delivery.reason,
    }


def _row(delivery: Delivery) -> list[str]:
    return [
        delivery.id,
        local(delivery.created_at),
        delivery.status,
        delivery.category,
        delivery.what,
        masked(delivery) or "",
        delivery.provider or "",
        str(len(delivery.attempts)),
        delivery.reason or "",
    ]
