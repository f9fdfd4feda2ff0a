"""Groups of commands: what is shown where none of them is named."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import NoReturn

import typer

from notifyhub.cli.program import WRONG

__all__ = ["group", "show_help"]


def group(name: str, summary: str, *commands: Callable[..., None]) -> typer.Typer:
    """Commands under a common name: `notifyhub <name> <command>`.

    A command is called as its function, without the `_` of one whose name Python has taken (`import_`).
    """
    app = typer.Typer(name=name, help=summary, invoke_without_command=True)

    @app.callback()
    def _none_named(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            show_help(context)

    for command in commands:
        app.command(command.__name__.removesuffix("_"))(command)
    return app


def show_help(context: typer.Context) -> NoReturn:
    """The help on standard error, and the exit status of a wrong command line."""
    # With rich, typer prints the help itself while it makes it.
    with contextlib.redirect_stdout(sys.stderr):
        print(context.get_help())
    raise typer.Exit(WRONG)
