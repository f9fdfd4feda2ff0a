"""Options that several commands share, and what their values mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from notifyhub.errors import NotificationError

__all__ = [
    "Category",
    "Channel",
    "Config",
    "DeliveryId",
    "DryRun",
    "Explain",
    "Json",
    "Key",
    "Locale",
    "NoticeName",
    "Text",
    "To",
    "Variables",
    "read_variables",
]

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The settings file; by default NOTIFYHUB_CONFIG, else the nearest notifyhub.toml upwards.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Locale = Annotated[
    str | None, typer.Option("--locale", metavar="L", help="zh, en, zh-Hant-TW, …", show_default=False)
]
Channel = Annotated[
    str | None, typer.Option("--channel", metavar="C", help="sms, email, voice, chat, …", show_default=False)
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--var", metavar="NAME=VALUE", help="A variable of the notice; repeat for more.", show_default=False
    ),
]

To = Annotated[str, typer.Option("--to", metavar="ADDRESS", help="A phone number or a mail address.")]
NoticeName = Annotated[str | None, typer.Argument(help="The notice, such as login/code.", show_default=False)]
Text = Annotated[
    str | None, typer.Option("--text", help="Finished words instead of a notice.", show_default=False)
]
Category = Annotated[
    str | None,
    typer.Option(
        "--category",
        metavar="C",
        help="otp, alert, order, marketing or ops: decides what may follow an uncertain attempt.",
        show_default=False,
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="Idempotency key: a request under it is sent once, as far as the ledger reaches back.",
        show_default=False,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check everything and choose the route, but send nothing.")
]
Explain = Annotated[bool, typer.Option("--explain", help="Tell every decision on the way.")]
By = Annotated[
    str | None,
    typer.Option(
        "--by", metavar="NAME", help="Who says so; by default this machine's user.", show_default=False
    ),
]
DeliveryId = Annotated[
    str, typer.Argument(metavar="ID", help="The delivery's id, as `send` and `enqueue` print it.")
]


def read_variables(given: Sequence[str] | None) -> dict[str, str]:
    """The variables of `--var NAME=VALUE`. Raises NotificationError; it never quotes the value."""
    variables: dict[str, str] = {}
    for number, pair in enumerate(given or (), 1):
        name, equals, value = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            # What stands there instead may be the code itself, so it is told by its place.
            raise NotificationError(
                f"number {number} is not NAME=VALUE", field="var", remedy="write it as --var name=value"
            )
        if name in variables:
            raise NotificationError("given twice", field=f"var {name}", remedy="give it once")
        variables[name] = value
    return variables
