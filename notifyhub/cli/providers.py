"""`notifyhub providers`: the instances of the settings and the types there are, or whether they work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifyhub.cli.balance import number, status_of
from notifyhub.cli.hubs import forgetful
from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json, print_rows, reserved
from notifyhub.cli.program import ACCEPTED, WRONG

if TYPE_CHECKING:
    from notifyhub.settings import Settings

__all__ = ["providers"]


class _What(StrEnum):
    LIST = "list"
    CHECK = "check"


def providers(
    what: Annotated[
        _What,
        typer.Argument(help="list: what there is. check: build each instance, secrets and routes included."),
    ] = _What.LIST,
    online: Annotated[
        bool, typer.Option("--online", help="With check: also ask each account for its balance.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the provider instances and types, or check the instances."""
    if what is _What.LIST:
        _list(config, as_json)
        return
    with reserved(as_json):
        rows, status = asyncio.run(_check(config, online))
    if as_json:
        print_json({"ok": status == ACCEPTED, "checks": rows})
    else:
        print_rows(
            ["instance", "type", "state"], [[row["instance"], row["type"], row["state"]] for row in rows]
        )
    raise typer.Exit(status)


def _list(config: Path | None, as_json: bool) -> None:
    from notifyhub.plugins import Plugins
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    types = Plugins(block=settings.plugins.block).provider_types()
    instances = [
        {"instance": name, "type": str(table["type"]), "known": table["type"] in types}
        for name, table in _tables(settings).items()
    ]
    kinds = [
        {"type": kind.name, "channels": sorted(kind.channels), "summary": kind.summary}
        for kind in types.values()
    ]
    if as_json:
        print_json({"settings": settings.source, "instances": instances, "types": kinds})
        return
    print(f"Instances ({settings.source}):\n")
    notes = ["" if row["known"] else "unknown type" for row in instances]
    print_rows(
        ["instance", "type", "note"],
        [[str(row["instance"]), str(row["type"]), note] for row, note in zip(instances, notes, strict=True)],
    )
    print("\nTypes:\n")
    print_rows(
        ["type", "channels", "summary"],
        [[str(kind["type"]), ", ".join(kind["channels"]), str(kind["summary"])] for kind in kinds],
    )


async def _check(config: Path | None, online: bool) -> tuple[list[dict[str, Any]], int]:
    """Each instance by itself, so that one mistake does not hide the next; then the routes."""
    from notifyhub.errors import NotifyhubError
    from notifyhub.hub import Hub
    from notifyhub.settings import load_settings

    settings = forgetful(load_settings(config))
    rows: list[dict[str, Any]] = []
    status = ACCEPTED
    for name, table in _tables(settings).items():
        state, ok = "ok", True
        try:
            async with Hub(_only(settings, name, table)) as hub:
                if online:
                    state, worse = await _online(hub, name)
                    ok, status = not worse, status or worse
        except NotifyhubError as error:
            state, ok, status = str(error), False, WRONG
        rows.append({"instance": name, "type": table["type"], "ok": ok, "state": state})
    if status != WRONG and settings.routes:
        try:
            async with Hub(settings):
                state, ok = "ok", True
        except NotifyhubError as error:
            state, ok, status = str(error), False, WRONG
        rows.append({"instance": "(routes)", "type": "", "ok": ok, "state": state})
    return rows, status


def _tables(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """The instances' tables; without any there is the console, as the registry has it."""
    return settings.providers or {"console": {"type": "console"}}


def _only(settings: Settings, name: str, table: Any) -> Settings:
    return settings.model_copy(update={"providers": {name: table}, "routes": ()})


async def _online(hub: Any, name: str) -> tuple[str, int]:
    from notifyhub.errors import UnsupportedOperation
    from notifyhub.providers import Balance

    try:
        found = await hub.balance(name)
    except UnsupportedOperation:
        return "ok (has no balance to ask for)", ACCEPTED
    if isinstance(found, Balance):
        return f"ok, {number(found)} {found.unit} left", ACCEPTED
    return str(found), status_of(found)
