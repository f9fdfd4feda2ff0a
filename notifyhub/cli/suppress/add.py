"""`notifyhub suppress add`: puts an address on the suppression list."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.operators import this_user
from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json
from notifyhub.cli.program import complain
from notifyhub.cli.suppress.entries import sentence, values
from notifyhub.cli.times import ahead

if TYPE_CHECKING:
    from notifyhub.ledger import Suppression
    from notifyhub.settings import Settings

__all__ = ["add", "say_if_nobody_asks"]


def add(
    to: Annotated[str, typer.Argument(metavar="TO", help="A phone number or a mail address.")],
    channel: Annotated[
        str | None,
        typer.Option(
            "--channel", metavar="C", help="Only by this channel: sms, email, voice, …", show_default=False
        ),
    ] = None,
    category: Annotated[
        str | None,
        typer.Option(
            "--category",
            metavar="C",
            help="Only of this category: otp, alert, order, marketing or ops.",
            show_default=False,
        ),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(
            "--instance",
            metavar="NAME",
            help="Only through this provider instance; others may go on.",
            show_default=False,
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the entry.")
    ] = "added by hand",
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="TIME",
            help="When it ends by itself: 2026-11-22T20:00+08:00, or +30d from now.",
            show_default=False,
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put an address on the suppression list; what is on it already is not put there twice.

    Without --category it holds for everything, codes to log in with included.
    """
    entry = asyncio.run(_add(config, to, channel, category, instance, reason, until))
    if as_json:
        print_json(values(entry))
    else:
        print(sentence(entry))


def say_if_nobody_asks(settings: Settings) -> None:
    """One line on standard error where no table in the settings makes anybody look at the list."""
    if settings.policies.suppression_list is None:
        complain(
            "policies.suppression_list: is not set, so nobody looks at this list; add the table to the "
            "settings, it may be empty"
        )


async def _add(
    config: Path | None,
    to: str,
    channel: str | None,
    category: str | None,
    instance: str | None,
    reason: str,
    until: str | None,
) -> Suppression:
    from notifyhub.settings import load_settings
    from notifyhub.suppressions import Suppressions

    ends = None if until is None else ahead(until, "until", datetime.now(UTC))
    settings = load_settings(config)
    async with opened_ledger(settings) as ledger:
        entry = await Suppressions(ledger, settings).add(
            to, channel=channel, category=category, instance=instance,
            reason=reason, source=f"cli {this_user()}", until=ends,
        )  # fmt: skip
    say_if_nobody_asks(settings)
    if instance is not None and instance not in settings.providers:
        # No error: an application may bring instances of its own, of which the settings know nothing.
        complain(f"instance: the settings have none called `{instance}`; is it spelt so in the application?")
    return entry
