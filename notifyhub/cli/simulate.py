"""`notifyhub simulate`: a vendor's gateway on this machine, to try settings and code against."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.options import Config
from notifyhub.cli.toml import toml_table
from notifyhub.cli.types import choose, provider_types
from notifyhub.errors import SettingsError

if TYPE_CHECKING:
    from notifyhub.simulation import Simulation, Simulator

__all__ = ["simulate"]


def simulate(
    provider_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="A provider type that has a simulator.")
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 finds a free one.")] = 0,
    push_to: Annotated[
        str | None,
        typer.Option("--push-to", metavar="URL", help="Where receipts and replies go.", show_default=False),
    ] = None,
    config: Config = None,
) -> None:
    """Run a simulator of a vendor's gateway until Ctrl-C, and print the settings to reach it."""
    (kind,) = choose(provider_types(config), provider_type, lambda kind: kind.simulator, "simulator")
    assert kind.simulator is not None  # noqa: S101 - what choose looked for, for the type checker
    with contextlib.suppress(KeyboardInterrupt):  # the way it is meant to end
        asyncio.run(_run(kind.simulator, port, push_to))


async def _run(simulator: Simulator, port: int, push_to: str | None) -> None:
    try:
        async with simulator(port=port, push_to=push_to) as running:
            _tell(running)
            await asyncio.Event().wait()
    except ValueError as error:
        raise SettingsError(
            str(error), field="push_to", remedy="such as http://127.0.0.1:8000/push"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"cannot listen there: {error.strerror or type(error).__name__}",
            field="port",
            remedy="choose another, or leave --port out for a free one",
        ) from None


def _tell(running: Simulation) -> None:
    name = running.settings["type"]
    lines = [
        f"A simulated {name} gateway listens at {running.base_url} (Ctrl-C ends it).",
        *running.notes,
        "",
        "# notifyhub.toml",
        *toml_table("providers.sms", running.settings),
    ]
    # Flushed, because a script that started this waits for the address.
    print("\n".join(lines), flush=True)
