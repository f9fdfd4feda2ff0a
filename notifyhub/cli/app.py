"""The program `notifyhub`: its commands and its global options."""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated

import typer

import notifyhub
from notifyhub.cli.balance import balance
from notifyhub.cli.codes import codes
from notifyhub.cli.demo import demo
from notifyhub.cli.init import init
from notifyhub.cli.plugins import plugins
from notifyhub.cli.preview import preview
from notifyhub.cli.program import WRONG, Program
from notifyhub.cli.providers import providers
from notifyhub.cli.send import send
from notifyhub.cli.simulate import simulate
from notifyhub.cli.templates import templates

__all__ = ["app"]

app = typer.Typer(
    name="notifyhub",
    cls=Program,
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    epilog="Exit status: 0 accepted, 2 usage or settings, 3 refused or not sent, 4 unknown.",
)


@app.callback()
def _program(
    context: typer.Context,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, help="Log to standard error; twice for more.", metavar=""
        ),
    ] = 0,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log as JSON lines.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Say what to tell whom; notifyhub finds the words, picks the vendor and says what became of it."""
    if version:
        print(f"notifyhub {notifyhub.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        # With rich, typer prints the help itself while it makes it.
        with contextlib.redirect_stdout(sys.stderr):
            print(context.get_help())
        raise typer.Exit(WRONG)
    # The library configures no logging by itself; a program may. Imported late: `--version` needs none of it.
    from notifyhub.log import configure

    configure(json=log_json, level=("WARNING", "INFO", "DEBUG")[min(verbose, 2)])


for _command in (
    send, preview, templates, providers, balance, plugins, codes, simulate, demo, init,
):  # fmt: skip
    app.command()(_command)
