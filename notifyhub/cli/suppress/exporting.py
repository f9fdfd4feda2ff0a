"""`notifyhub suppress export`: the suppression list as CSV."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.files import created
from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.options import Config
from notifyhub.cli.program import complain

if TYPE_CHECKING:
    from notifyhub.ledger import Suppression

__all__ = ["export"]


def export(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A new file that only you can read; - is standard output.")
    ],
    config: Config = None,
) -> None:
    """Write the suppression list as CSV, with addresses whole: what holds now, the oldest entry first.

    `suppress import` reads it back as it was.
    """
    kept = asyncio.run(_kept(config))
    known = [entry for entry in kept if entry.address]
    if file == "-":
        _print(known)
    else:
        _write(Path(file), known)
        print(f"wrote {len(known)} {'entry' if len(known) == 1 else 'entries'} to {file}")
    if len(known) < len(kept):
        complain(
            f"{len(kept) - len(known)} more hold, and are not in it: their addresses were erased, and the "
            "ledger knows them only when it sees them again"
        )


async def _kept(config: Path | None) -> Sequence[Suppression]:
    from notifyhub.settings import load_settings

    async with opened_ledger(load_settings(config)) as ledger:
        kept = await ledger.suppressions(limit=sys.maxsize)
    # By more than their time: those of one import have the same, and are to come in the same order again.
    return sorted(
        kept, key=lambda e: (e.since, e.address, e.channel or "", e.category or "", e.instance or "")
    )


def _print(entries: Sequence[Suppression]) -> None:
    from notifyhub.cli.suppress.sheet import write

    sys.stdout.flush()
    # UTF-8 whatever the terminal speaks: a file is to come of it.
    stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        write(stream, entries)
        stream.flush()
    finally:
        stream.detach()


def _write(file: Path, entries: Sequence[Suppression]) -> None:
    from notifyhub.cli.suppress.sheet import write

    with created(file, "file", newline="") as stream:
        write(stream, entries)
