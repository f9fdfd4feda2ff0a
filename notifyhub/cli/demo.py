"""`notifyhub demo`: a vendor's demonstration, told as it happens."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.output import on_terminal
from notifyhub.cli.program import WRONG, complain
from notifyhub.cli.types import choose

if TYPE_CHECKING:
    from notifyhub.simulation import Beat, Demo

__all__ = ["demo"]

_LABELS = {
    "asked": "asked", "wire": "over the wire", "answer": "came back", "decided": "notifyhub", "check": "",
}  # fmt: skip
_WIDTH = max(map(len, _LABELS.values()))
_COLOURS = {"asked": "cyan", "wire": "magenta", "answer": "yellow", "decided": "blue", "check": "green"}


def demo(
    provider_type: Annotated[
        str | None,
        typer.Argument(
            metavar="TYPE", help="A provider type; without it, the first that has one.", show_default=False
        ),
    ] = None,
) -> None:
    """Watch notices go out, be refused, be uncertain: real HTTP to a simulated gateway on this machine.

    Needs no settings and no network. Exit status 0 only where everything came out as told.
    """
    from notifyhub.plugins import Plugins

    # Without the settings of whoever looks: it shows the same everywhere.
    kind = choose(Plugins().provider_types(), provider_type, lambda kind: kind.demo, "demonstration")[0]
    assert kind.demo is not None  # noqa: S101 - what choose looked for, for the type checker
    if not logging.getLogger().isEnabledFor(logging.INFO):
        # What goes wrong here does so on purpose, and the story tells of it.
        logging.disable(logging.ERROR)
    print(f"{kind.summary or kind.name}: simulated on this machine, over real HTTP; nothing leaves it.")
    try:
        failed = asyncio.run(_tell(kind.demo))
    finally:
        logging.disable(logging.NOTSET)
    if failed:
        complain(f"{failed} of the checks above failed: this is a bug")
        raise typer.Exit(WRONG)


async def _tell(play: Demo) -> int:
    """Tell every beat; returns how many checks failed."""
    from notifyhub.hub import Hub

    started, scenes, checks, failed = time.monotonic(), 0, 0, 0
    show = _rich_teller() if on_terminal() else _plain
    async for beat in play(Hub):
        scenes += beat.kind == "scene"
        checks += beat.kind == "check"
        failed += not beat.ok
        show(beat, scenes)
    print(f"\n{checks - failed} of {checks} checks held in {time.monotonic() - started:.1f} s.", flush=True)
    return failed


def _plain(beat: Beat, scene: int) -> None:
    if beat.kind == "scene":
        print(f"\n{scene}. {beat.text}\n", flush=True)
        return
    label = ("ok" if beat.ok else "FAILED") if beat.kind == "check" else _LABELS[beat.kind]
    first, *more = beat.text.split("\n")
    print(f"   {label:<{_WIDTH}}  {first}")
    for line in more:
        print(f"   {'':<{_WIDTH}}  {line}")
    # Flushed, because the console provider writes to the same place.
    sys.stdout.flush()


def _rich_teller() -> Callable[[Beat, int], None]:
    from rich.console import Console
    from rich.padding import Padding
    from rich.rule import Rule
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)

    def show(beat: Beat, scene: int) -> None:
        if beat.kind == "scene":
            console.print()
            console.print(Rule(Text(f" {scene}  {beat.text} ", style="bold"), align="left", style="dim"))
            console.print()
            return
        colour = _COLOURS[beat.kind] if beat.ok else "bold red"
        label = ("✓" if beat.ok else "✗ failed") if beat.kind == "check" else _LABELS[beat.kind]
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=_WIDTH, justify="right")
        grid.add_column()
        grid.add_row(Text(label, style=colour), Text(beat.text, style=colour if beat.kind == "check" else ""))
        console.print(Padding(grid, (0, 0, 0, 1)))

    return show
