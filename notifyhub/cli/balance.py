"""`notifyhub balance`: what is left on a vendor's account."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.hubs import forgetful
from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import on_terminal, print_json, reserved
from notifyhub.cli.program import NOT_ACCEPTED, UNKNOWN, complain

if TYPE_CHECKING:
    from notifyhub.outcome import Outcome
    from notifyhub.providers import Balance

__all__ = ["balance", "number", "status_of"]


def balance(
    instance: Annotated[
        str | None,
        typer.Argument(
            help="A provider instance; without it, the first that has a balance.", show_default=False
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Print the number of messages left on an account.

    In a pipe the line is the bare number. Exit status: 3 where the vendor refused to tell or could not
    be reached, 4 where its answer cannot be understood.
    """
    from notifyhub.providers import Balance

    with reserved(as_json):
        name, found = asyncio.run(_ask(config, instance))
    left = found if isinstance(found, Balance) else None
    outcome = None if isinstance(found, Balance) else found
    if as_json:
        print_json(
            {
                "instance": name,
                "amount": None if left is None else _plain(left.amount),
                "unit": None if left is None else left.unit,
                "reason": None if outcome is None else outcome.reason,
                "code": None if outcome is None else outcome.code,
            }
        )
    elif left is not None:
        print(f"{number(left)} {left.unit} left on {name}" if on_terminal() else number(left))
    if outcome is not None:
        if not as_json:
            complain(f"{name}: {outcome}")
        sys.stderr.flush()
        raise typer.Exit(status_of(outcome))


async def _ask(config: Path | None, instance: str | None) -> tuple[str, Balance | Outcome]:
    from notifyhub.errors import UnsupportedOperation
    from notifyhub.hub import Hub
    from notifyhub.providers import HasBalance
    from notifyhub.settings import load_settings

    async with Hub(forgetful(load_settings(config))) as hub:
        name = instance
        if name is None:
            having = [i.name for i in hub.registry.instances.values() if isinstance(i.provider, HasBalance)]
            if not having:
                raise UnsupportedOperation(
                    f"none of the instances ({', '.join(hub.registry.instances)}) has a balance",
                    field="instance",
                    remedy="add a [providers.…] table of a vendor that has one; `notifyhub init` shows how",
                )
            name = having[0]
        return name, await hub.balance(name)


def status_of(outcome: Outcome) -> int:
    """The exit status for a balance that is not known."""
    from notifyhub.outcome import OutcomeKind

    return UNKNOWN if outcome.kind is OutcomeKind.UNKNOWN else NOT_ACCEPTED


def number(left: Balance) -> str:
    """The amount as a script reads it: no exponent, no `.0` on a whole number."""
    return str(_plain(left.amount))


def _plain(amount: float) -> int | float:
    return int(amount) if float(amount).is_integer() else amount
