"""`notifyhub resolve`: an operator's word on a delivery of which only people can say what became of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.deliveries import moment, sentence, values
from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.operators import this_user
from notifyhub.cli.options import By, Config, DeliveryId, Json
from notifyhub.cli.output import print_json

if TYPE_CHECKING:
    from notifyhub.category import DeliveryPolicy
    from notifyhub.ledger import Job, Ledger
    from notifyhub.outcome import Delivery
    from notifyhub.settings import Settings

__all__ = ["resolve"]


def resolve(
    delivery_id: DeliveryId,
    verdict: Annotated[str, typer.Option("--as", metavar="WORD", help="delivered, failed or resend.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="How you know; kept with the delivery.")],
    by: By = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say what became of a delivery that is `unknown` or `dead`: delivered, failed, or resend.

    resend counts it as failed and queues a new delivery with the same words, which names the old one: a
    person may then get it twice. Exit status 2 where its state leaves nothing to say.
    """
    former, again = asyncio.run(_resolve(config, delivery_id, verdict, why, by or this_user()))
    if as_json:
        resent = None if again is None else {"id": again.id, "status": again.status, "due": moment(again.due)}
        print_json({**values(former), "resent": resent})
        return
    print(sentence(former))
    if again is not None:
        print(sentence(again))


async def _resolve(
    config: Path | None, delivery_id: str, verdict: str, why: str, by: str
) -> tuple[Delivery, Delivery | None]:
    from notifyhub.resolution import resolve
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    async with opened_ledger(settings) as ledger:

        def policy_of(job: Job) -> DeliveryPolicy:
            return job.policy or settings.delivery_policy(job.message.category)

        former, again = await resolve(ledger, delivery_id, verdict, why=why, by=by, policy_of=policy_of)
        await _announce(settings, ledger, former, again)
        return former, again


async def _announce(settings: Settings, ledger: Ledger, former: Delivery, again: Delivery | None) -> None:
    """Tell whoever observes, and give the new one to the engine: else it waits until it is missed."""
    from notifyhub.announcer import Announcer
    from notifyhub.plugins import Plugins
    from notifyhub.postbox import Postbox
    from notifyhub.registry import dispatcher_from

    plugins = Plugins(block=settings.plugins.block)
    dispatcher = dispatcher_from(settings, plugins.dispatcher_types())
    try:
        postbox = Postbox(ledger, dispatcher, Announcer(plugins))
        await postbox.announce(former)
        if again is not None:
            await postbox.announce(again)
    finally:
        await dispatcher.aclose()
