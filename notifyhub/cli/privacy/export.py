"""`notifyhub privacy export`: everything that is kept about a person."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from notifyhub.cli.files import created
from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.options import Config
from notifyhub.cli.output import print_json
from notifyhub.cli.privacy.subject import Subject, person

__all__ = ["export"]


def export(
    subject: Subject,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="A new file that only you can read; without it, standard output.",
            show_default=False,
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Print everything that is kept about a person as a JSON list, with addresses and words whole.

    For those who have a right to ask; no other command shows personal data.
    """
    kept = asyncio.run(_kept(config, subject))
    if out is None:
        print_json(kept)
        return
    _write(out, kept)
    print(f"wrote {len(kept)} {'record' if len(kept) == 1 else 'records'} to {out}")


async def _kept(config: Path | None, subject: str) -> Sequence[dict[str, Any]]:
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    async with opened_ledger(settings) as ledger:
        return await ledger.export(**person(subject, settings.default_country))


def _write(file: Path, kept: Sequence[dict[str, Any]]) -> None:
    with created(file, "out") as stream:
        json.dump(kept, stream, ensure_ascii=False, indent=2)
        stream.write("\n")
