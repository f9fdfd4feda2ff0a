"""`notifyhub ledger purge`: erases what has been kept for long enough."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json

__all__ = ["purge"]


def purge(config: Config = None, as_json: Json = False) -> None:
    """Erase words, addresses and deliveries older than the settings' `ledger.retention`; run it daily.

    What is queued or being sent is never touched.
    """
    erased = asyncio.run(_purge(config))
    if as_json:
        print_json(erased)
    else:
        print(f"erased {', '.join(f'{count} {what}' for what, count in erased.items())}")


async def _purge(config: Path | None) -> Mapping[str, int]:
    from notifyhub.ledger import Retention
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    async with opened_ledger(settings) as ledger:
        table = settings.ledger.retention
        retention = Retention(body=table.body, address=table.address, delivery=table.delivery)
        return await ledger.purge(retention, datetime.now(UTC))
