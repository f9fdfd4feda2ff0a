"""`notifyhub suppress list`: who is on the suppression list."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.addresses import normalised
from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.options import Config
from notifyhub.cli.output import print_json_lines, print_rows
from notifyhub.cli.program import complain
from notifyhub.cli.suppress.entries import COLUMNS, row, values
from notifyhub.errors import NotificationError

if TYPE_CHECKING:
    from notifyhub.ledger import Suppression

__all__ = ["list_"]

NEWEST = 100


def list_(
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="ADDRESS", help="All entries of this address.", show_default=False),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All entries; by default the newest 100.")
    ] = False,
    lifted: Annotated[bool, typer.Option("--lifted", help="Also those lifted or ended.")] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show addresses whole.")] = False,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """List the suppression list, the newest entries first, with addresses masked."""
    if to is not None and everything:
        raise NotificationError("an address is given as well", field="all", remedy="give one of the two")
    most = sys.maxsize if everything or to is not None else NEWEST
    found = asyncio.run(_found(config, to, lifted, most))
    if as_json:
        print_json_lines(values(entry, reveal=reveal) for entry in found)
    else:
        columns = COLUMNS if lifted else COLUMNS[:-1]
        print_rows(columns, [row(entry, reveal=reveal)[: len(columns)] for entry in found])
    if len(found) == most:
        complain(f"these are the newest {most}; --all shows all of them")


async def _found(config: Path | None, to: str | None, lifted: bool, most: int) -> Sequence[Suppression]:
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    address = None if to is None else normalised(to, settings.default_country)
    async with opened_ledger(settings) as ledger:
        return await ledger.suppressions(address=address, lifted=lifted, limit=most)
