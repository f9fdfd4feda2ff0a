"""`notifyhub privacy erase`: forgets a person."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json
from notifyhub.cli.privacy.subject import Subject, person
from notifyhub.errors import NotificationError

__all__ = ["erase"]


def erase(
    subject: Subject,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can answer.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Erase the addresses, words, variables and replies of a person, for good.

    What is queued for them is cancelled. States and attempts stay, without the person.
    """
    if not yes:
        _ask()
    erased = asyncio.run(_erase(config, subject))
    if as_json:
        print_json({"deliveries": erased})
    else:
        print(f"erased the person from {erased} {'delivery' if erased == 1 else 'deliveries'}")


def _ask() -> None:
    if not sys.stdin.isatty():
        raise NotificationError(
            "nobody is there to be asked", field="yes", remedy="give --yes to erase for good"
        )
    typer.confirm("Erase this person from the ledger, for good?", abort=True, err=True)


async def _erase(config: Path | None, subject: str) -> int:
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    async with opened_ledger(settings) as ledger:
        return await ledger.erase(**person(subject, settings.default_country))
