"""`notifyhub acknowledge`: somebody has taken notice, so nothing more is to follow."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from notifyhub.cli.deliveries import sentence, values
from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.operators import this_user
from notifyhub.cli.options import By, Config, DeliveryId, Json
from notifyhub.cli.output import print_json

if TYPE_CHECKING:
    from notifyhub.outcome import Delivery

__all__ = ["acknowledge"]


def acknowledge(
    delivery_id: DeliveryId,
    by: By = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say that somebody has taken notice of a delivery: what would still follow it is cancelled.

    The id may be that of any message of the escalation.
    """
    delivery = asyncio.run(_acknowledge(config, delivery_id, by or this_user()))
    if as_json:
        print_json(values(delivery))
    else:
        print(f"acknowledged · {sentence(delivery)}")


async def _acknowledge(config: Path | None, delivery_id: str, by: str) -> Delivery:
    from notifyhub.announcer import Announcer
    from notifyhub.chain import Chains
    from notifyhub.plugins import Plugins
    from notifyhub.postbox import Postbox
    from notifyhub.registry import dispatcher_from
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    async with opened_ledger(settings) as ledger:
        plugins = Plugins(block=settings.plugins.block)
        dispatcher = dispatcher_from(settings, plugins.dispatcher_types())
        try:
            chains = Chains(ledger, Postbox(ledger, dispatcher, Announcer(plugins)))
            return await chains.acknowledge(delivery_id, by)
        finally:
            await dispatcher.aclose()
