"""`notifyhub preview`: a notice's words as the phone or the inbox would show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifyhub.cli.hubs import offline_hub
from notifyhub.cli.options import Channel, Config, Locale, Variables, read_variables
from notifyhub.cli.output import on_terminal

if TYPE_CHECKING:
    from notifyhub.hub import Hub
    from notifyhub.message import Message
    from notifyhub.settings import Settings

__all__ = ["preview"]

# Somebody to render for; the words do not depend on it.
_ADDRESSES = {"sms": "+8613800138000", "voice": "+8613800138000", "email": "somebody@example.com"}


def preview(
    notice: Annotated[str, typer.Argument(help="The notice, such as order/shipped.")],
    var: Variables = None,
    locale: Locale = None,
    channel: Channel = None,
    html: Annotated[bool, typer.Option("--html", help="Print the html of a mail instead.")] = False,
    config: Config = None,
) -> None:
    """Show a notice as it would arrive, with its examples for variables that are not given.

    Without --channel it is shown for every channel that it has words for.
    """
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    hub = offline_hub(settings)
    known = hub.catalog.notice(notice)
    data = {**known.manifest.examples(), **read_variables(var)}
    channels = (
        [channel or "email"] if html else [channel] if channel else sorted(known.channels, key=_phones_first)
    )
    shown = [
        hub.preview(notice, to=_ADDRESSES.get(each, "somebody"), channel=each, locale=locale, data=data)
        for each in channels
    ]
    if html:
        _print_html(shown[0])
        return
    accounts = _accounts(hub, settings)
    for number, message in enumerate(shown):
        if number:
            print()
        _show(message, accounts)


def _phones_first(channel: str) -> tuple[bool, str]:
    return channel != "sms", channel


def _print_html(message: Message) -> None:
    from notifyhub.errors import UnknownNotice

    if message.html is None:
        raise UnknownNotice(
            f"`{message.notice}` has no html for {message.channel}", field="html", remedy="leave --html out"
        )
    print(message.html)


def _accounts(hub: Hub, settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """Per instance that names a price or a signature: those two, and the channels of its type."""
    from notifyhub.settings import resolve_secrets

    types = hub.plugins.provider_types()
    accounts: dict[str, Mapping[str, Any]] = {}
    for name, table in settings.providers.items():
        told = {key: table[key] for key in ("price_per_part", "signature") if key in table}
        if told and table["type"] in types:
            kind = types[table["type"]]
            values = resolve_secrets(told, f"providers.{name}", settings.folder)
            # Counted as the provider counts: with its own default where the table names no signature.
            if "signature" in kind.settings.model_fields:
                values.setdefault("signature", kind.settings.model_fields["signature"].default)
            accounts[name] = {**values, "channels": kind.channels}
    return accounts


def _show(message: Message, accounts: Mapping[str, Mapping[str, Any]]) -> None:
    carriers = {name: a for name, a in accounts.items() if message.channel in a["channels"]}
    signature = next((str(a["signature"]) for a in carriers.values() if a.get("signature")), "")
    # The vendor's platform puts the signature there, so a phone shows it though it is not in the words.
    text = f"【{signature}】{message.text}" if signature else message.text
    head = f"{message.channel} · {message.notice} · {message.locale}"
    foot = _figures(message, signature, carriers)
    if on_terminal() and _panel(head, message.subject, text, foot):
        return
    print(f"{head} · {foot}")
    if message.subject is not None:
        print(f"  Subject: {message.subject}\n")
    for line in text.split("\n"):
        print(f"  {line}" if line else "")


def _figures(message: Message, signature: str, carriers: Mapping[str, Mapping[str, Any]]) -> str:
    from notifyhub.template import parts_cn, segments

    words = [f"{len(message.text)} characters"]
    if message.channel == "sms":
        mainland, elsewhere = parts_cn(message.text, signature), segments(message.text).parts
        words.append(f"{mainland} part{'s' * (mainland != 1)}")
        if elsewhere != mainland:
            words.append(f"{elsewhere} outside of mainland China")
    for name, account in carriers.items():
        if account.get("price_per_part") is not None:
            parts = parts_cn(message.text, str(account.get("signature") or ""))
            words.append(f"costs {round(parts * float(account['price_per_part']), 6):g} through {name}")
    if message.html is not None:
        words.append(f"html of {len(message.html)} characters (--html)")
    return " · ".join(words)


def _panel(head: str, subject: str | None, text: str, foot: str) -> bool:
    from rich.console import Console, Group
    from rich.panel import Panel
    from rich.text import Text

    console = Console(highlight=False)
    if console.is_dumb_terminal or not console.encoding.startswith("utf"):
        return False
    body = [Text(text)]
    if subject is not None:
        body = [Text(subject, style="bold"), Text(), *body]
    # A phone is narrow; a mail is not.
    width = min(console.width, 44 if subject is None else 80)
    console.print(Panel(Group(*body), title=Text(head, style="bold"), title_align="left", width=width))
    console.print(Text(f"  {foot}", style="dim"))
    return True
