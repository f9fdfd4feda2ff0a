"""`notifyhub route explain`: the way a message would take, and why, without sending one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifyhub.cli.hubs import forgetful, opened_ledger
from notifyhub.cli.ledger.tables import opened_tables
from notifyhub.cli.options import Category, Channel, Config, Json, To
from notifyhub.cli.output import print_json, print_rows, reserved
from notifyhub.cli.program import ACCEPTED, WRONG, complain

if TYPE_CHECKING:
    from notifyhub.ledger import Ledger
    from notifyhub.rehearsal import RouteExplanation
    from notifyhub.routing import Rule
    from notifyhub.settings import Settings

__all__ = ["explain", "unknown_rules"]


def explain(
    to: To,
    notice: Annotated[
        str | None,
        typer.Option(
            "--notice", metavar="NAME", help="Such as login/code; no variables.", show_default=False
        ),
    ] = None,
    category: Category = None,
    channel: Channel = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show which route a message would take, why not those before it, and who would be asked in which order.

    Nothing is sent, taken or counted. Exit status: 2 where no route fits.
    """
    with reserved(as_json):
        explained = asyncio.run(
            _explained(config, {"to": to, "notice": notice, "category": category, "channel": channel})
        )
    if as_json:
        print_json(_values(explained))
    else:
        _show(explained)
    if explained.problem is not None and not as_json:
        complain(explained.problem)
    raise typer.Exit(WRONG if explained.path is None else ACCEPTED)


def unknown_rules(settings: Settings) -> dict[str, Rule]:
    """In the place of the application's functions, which no command has: they say no."""
    return {route.rule: lambda message: False for route in settings.routes if route.rule is not None}


async def _explained(config: Path | None, asked: dict[str, Any]) -> RouteExplanation:
    from notifyhub.category import Category
    from notifyhub.errors import NotificationError, nearest
    from notifyhub.hub import Hub
    from notifyhub.rehearsal import explain_route, imagined
    from notifyhub.settings import load_settings

    if asked["category"] is not None and asked["category"] not in set(Category):
        remedy = nearest(asked["category"], Category)
        raise NotificationError("unknown category", field="category", remedy=remedy)
    settings = load_settings(config)
    async with (
        _ledger(settings) as ledger,
        Hub(forgetful(settings), rules=unknown_rules(settings), ledger=ledger) as hub,
    ):
        return await explain_route(hub, imagined(hub, asked.pop("to"), **asked))


@asynccontextmanager
async def _ledger(settings: Settings) -> AsyncIterator[Ledger]:
    """The settings' ledger, where there is one already; looking must not make it."""
    from notifyhub.ledger import MemoryLedger
    from notifyhub.registry import ledger_from

    if not ledger_from(settings).durable:
        yield MemoryLedger()
        return
    async with opened_tables(settings) as tables:
        found = await tables.status()
    if found.current != found.latest:
        complain(
            "the ledger has no tables, or others than this version's: nothing is known of anybody's health"
        )
        yield MemoryLedger()
        return
    async with opened_ledger(settings) as ledger:
        yield ledger


def _show(explained: RouteExplanation) -> None:
    from notifyhub.address import mask

    message, path = explained.message, explained.path
    what = f"{message.channel} to {mask(message.to)}, category {message.category}"
    print(what + (f", notice {message.notice}" if message.notice else ""))
    for judged in explained.judged:
        missed = [c for c in judged.conditions if not c.met]
        why = "; ".join(_missed(condition.name, condition.wanted, condition.found) for condition in missed)
        print(f"  {judged.route.name}: " + (f"no: {why}" if missed else "yes"))
    if path is None:
        return
    if explained.listed is not None:
        print(f"  suppressed: it is on the suppression list: {explained.listed.reason}")
    print(f"  {path.route.strategy}: {' → '.join(path.names)}\n")
    print_rows(
        ["instance", "type", "health", "against it"],
        [[each.name, each.type, _health(explained, each.health.words), each.against or ""]
         for each in explained.standings],
    )  # fmt: skip


def _health(explained: RouteExplanation, words: str) -> str:
    looked_at = explained.path is not None and explained.path.route.strategy == "by_health"
    return words if looked_at else "not looked at"


def _missed(name: str, wanted: str, found: str) -> str:
    if name == "rule":
        return f"rule {wanted} is the application's own, which this command does not have"
    return f"{name} is {found}, it wants {wanted}"


def _values(explained: RouteExplanation) -> dict[str, Any]:
    path = explained.path
    return {
        "channel": explained.message.channel,
        "country": explained.message.country,
        "category": explained.message.category,
        "notice": explained.message.notice,
        "routes": [
            {
                "route": judged.route.name,
                "fits": judged.fits,
                "conditions": [condition._asdict() for condition in judged.conditions],
            }
            for judged in explained.judged
        ],
        "route": path and path.route.name,
        "strategy": path and path.route.strategy,
        "suppressed": explained.listed and explained.listed.reason,
        "problem": explained.problem,
        "instances": [
            {
                "instance": each.name,
                "type": each.type,
                "share": each.health.share,
                "health": each.health.words,
                "against": each.against,
            }
            for each in explained.standings
        ],
    }
