"""The program `notifyhub`: its commands and its global options."""

from __future__ import annotations

from typing import Annotated

import typer

import notifyhub
from notifyhub.cli.acknowledge import acknowledge
from notifyhub.cli.balance import balance
from notifyhub.cli.check.command import check
from notifyhub.cli.codes import codes
from notifyhub.cli.demo import demo
from notifyhub.cli.enqueue import enqueue
from notifyhub.cli.groups import group, show_help
from notifyhub.cli.init import init
from notifyhub.cli.ledger.explain import explain
from notifyhub.cli.ledger.find import find
from notifyhub.cli.ledger.key import key
from notifyhub.cli.ledger.migrate import migrate
from notifyhub.cli.ledger.purge import purge
from notifyhub.cli.ledger.show import show
from notifyhub.cli.ledger.status import status
from notifyhub.cli.plugins import plugins
from notifyhub.cli.preview import preview
from notifyhub.cli.privacy.erase import erase
from notifyhub.cli.privacy.export import export
from notifyhub.cli.program import Program
from notifyhub.cli.providers import providers
from notifyhub.cli.resolve import resolve
from notifyhub.cli.route import explain as explain_route
from notifyhub.cli.send import send
from notifyhub.cli.simulate import simulate
from notifyhub.cli.suppress.add import add
from notifyhub.cli.suppress.exporting import export as export_list
from notifyhub.cli.suppress.importing import import_
from notifyhub.cli.suppress.lift import lift
from notifyhub.cli.suppress.listing import list_
from notifyhub.cli.templates import templates
from notifyhub.cli.worker import worker

__all__ = ["app"]

app = typer.Typer(
    name="notifyhub",
    cls=Program,
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    epilog="Exit status: 0 accepted or queued, 2 usage or settings, 3 refused or not sent, 4 unknown, "
    "75 the ledger cannot be used now.",
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
        show_help(context)
    # The library configures no logging by itself; a program may. Imported late: `--version` needs none of it.
    from notifyhub.log import configure

    configure(json=log_json, level=("WARNING", "INFO", "DEBUG")[min(verbose, 2)])


for _command in (
    send, enqueue, worker, resolve, acknowledge, preview, templates, providers, balance, plugins, codes,
    simulate, demo, init, check,
):  # fmt: skip
    app.command()(_command)
app.add_typer(
    group(
        "ledger",
        "Look into the ledger, and keep its tables.",
        find,
        show,
        explain,
        status,
        migrate,
        purge,
        key,
    )
)
app.add_typer(
    group("suppress", "Who gets nothing, or nothing of some kinds.", add, list_, lift, export_list, import_)
)
app.add_typer(group("route", "Which way a message would take.", explain_route))
app.add_typer(group("privacy", "Tell or erase what is kept about a person.", export, erase))
