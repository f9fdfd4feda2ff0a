"""`notifyhub suppress lift`: takes an entry off the suppression list."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.deliveries import local
from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.operators import this_user
from notifyhub.cli.options import By, Config, Json
from notifyhub.cli.output import print_json
from notifyhub.cli.suppress.entries import sentence, values

if TYPE_CHECKING:
    from notifyhub.ledger import Suppression

__all__ = ["lift"]


def lift(
    entry_id: Annotated[
        str, typer.Argument(metavar="ID", help="The entry's id, as `suppress list` prints it.")
    ],
    by: By = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take an entry off the suppression list, so that messages go again. It stays visible with --lifted.

    What is lifted already stays as it is. A vendor with the number on its own blacklist goes on refusing it.
    """
    entry = asyncio.run(_lift(config, entry_id, by or this_user()))
    if as_json:
        print_json(values(entry))
    elif entry.lifted_at is not None:
        print(f"lifted {local(entry.lifted_at)} by {entry.lifted_by}: {sentence(entry)}")


async def _lift(config: Path | None, entry_id: str, by: str) -> Suppression:
    from notifyhub.settings import load_settings

    async with opened_ledger(load_settings(config)) as ledger:
        return await ledger.lift(entry_id, by)
