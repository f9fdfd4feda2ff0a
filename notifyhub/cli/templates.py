"""`notifyhub templates`: the notices there are, or whether they hold what they promise."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.hubs import offline_hub
from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json, print_rows
from notifyhub.cli.program import WRONG

if TYPE_CHECKING:
    from notifyhub.template import Notice

__all__ = ["templates"]


class _What(StrEnum):
    LIST = "list"
    LINT = "lint"


def templates(
    what: Annotated[
        _What,
        typer.Argument(help="list: the notices. lint: prove that each renders and fits what was approved."),
    ] = _What.LIST,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the notices, or prove that they render and fit what vendors have approved.

    lint exits with 2 where there is an error; warnings alone are 0.
    """
    if what is _What.LIST:
        _list(config, as_json)
    else:
        _lint(config, as_json)


def _list(config: Path | None, as_json: bool) -> None:
    from notifyhub.settings import load_settings

    catalog = offline_hub(load_settings(config)).catalog
    notices = [catalog.notice(name) for name in catalog.names()]
    if as_json:
        print_json({"notices": [_row(notice) for notice in notices]})
        return
    print_rows(
        ["notice", "category", "words", "variables", "summary"],
        [
            [
                notice.name,
                notice.manifest.category,
                " ".join(f"{channel}({','.join(notice.locales(channel))})" for channel in notice.channels),
                " ".join(
                    name if variable.required and variable.default is None else f"[{name}]"
                    for name, variable in notice.manifest.variables.items()
                ),
                notice.manifest.summary,
            ]
            for notice in notices
        ],
    )


def _row(notice: Notice) -> dict[str, object]:
    return {
        "notice": notice.name,
        "category": notice.manifest.category,
        "summary": notice.manifest.summary,
        "channels": {channel: list(notice.locales(channel)) for channel in notice.channels},
        "variables": {
            name: {
                "type": variable.type,
                "required": variable.required and variable.default is None,
                "description": variable.description,
            }
            for name, variable in notice.manifest.variables.items()
        },
        "origin": notice.origin,
    }


def _lint(config: Path | None, as_json: bool) -> None:
    from notifyhub.settings import load_settings
    from notifyhub.template import lint

    hub = offline_hub(load_settings(config))
    most = {table.notice: table.most for table in hub.settings.policies.digests}
    findings = lint(hub.catalog, default_locale=hub.settings.default_locale, digests=most)
    errors = [finding for finding in findings if finding.severity == "error"]
    if as_json:
        keys = ("severity", "notice", "where", "problem", "remedy")
        print_json(
            {
                "notices": len(hub.catalog.names()),
                "findings": [{key: getattr(finding, key) for key in keys} for finding in findings],
            }
        )
    else:
        for finding in findings:
            print(finding)
        warnings = len(findings) - len(errors)
        counted = (("notice", len(hub.catalog.names())), ("error", len(errors)), ("warning", warnings))
        print(", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counted))
    raise typer.Exit(WRONG if errors else 0)
