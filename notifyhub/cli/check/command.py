"""The command `notifyhub check`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.options import Config
from notifyhub.cli.output import print_json_lines, print_rows, reserved
from notifyhub.cli.program import ACCEPTED, FOUND

if TYPE_CHECKING:
    from notifyhub.cli.check.finding import Finding
    from notifyhub.routing import Instance
    from notifyhub.settings import Settings

__all__ = ["check"]


def check(
    online: Annotated[
        bool, typer.Option("--online", help="Also ask each vendor whether it is there.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail as well.")] = False,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Look at all that is set up: settings, secrets, notices, routes and their tests, policies, ledger.

    Exit status: 0 nothing is wrong, 1 something is; warnings alone are 0, with --strict 1. Nothing is sent,
    and no secret is shown.
    """
    from notifyhub.cli.check.finding import Level

    with reserved(as_json):
        findings = asyncio.run(_all(config, online=online))
    if as_json:
        print_json_lines(finding.values() for finding in findings)
    else:
        print_rows(
            ["", "part", "about", "found", "remedy"],
            [[each.level, each.part, each.about, _line(each.found), _line(each.remedy or "")]
             for each in findings],
        )  # fmt: skip
    counts = Counter(finding.level for finding in findings)
    errors, warnings = counts[Level.ERROR], counts[Level.WARNING]
    if not as_json:
        print(f"\n{_many(errors, 'error')}, {_many(warnings, 'warning')}")
    raise typer.Exit(FOUND if errors or (strict and warnings) else ACCEPTED)


async def _all(config: Path | None, *, online: bool) -> list[Finding]:
    from notifyhub.cli.check.reading import read

    settings, findings, touched = read(config)
    if settings is not None:
        findings += [finding async for finding in _parts(settings, touched, online=online)]
    return findings


async def _parts(settings: Settings, touched: frozenset[str], *, online: bool) -> AsyncIterator[Finding]:
    from notifyhub.cli.check import offline
    from notifyhub.cli.check.finding import guarded, warning, wrong
    from notifyhub.cli.check.ledger import ledger
    from notifyhub.errors import ConfigurationError
    from notifyhub.plugins import Plugins

    try:
        plugins = Plugins(block=settings.plugins.block)
        instances = offline.instances_of(settings, plugins)
    except ConfigurationError as error:
        yield wrong("plugins", error)
        return
    for finding in guarded("providers", offline.providers(settings, plugins)):
        yield finding
    for finding in guarded("notices", offline.notices(settings)):
        yield finding
    if touched & {"routes", "providers"}:
        yield warning("routes", "", "not looked at", "mend the settings above first")
    else:
        for finding in _routes(settings, instances):
            yield finding
    policies = offline.policies(settings, plugins, instances, whole="policies" not in touched)
    for finding in guarded("policies", policies):
        yield finding
    async for finding in ledger(settings):
        yield finding
    for finding in guarded("dispatch", offline.dispatching(settings, plugins)):
        yield finding
    if online:
        from notifyhub.cli.check.online import online as reach

        built = {name: each for name, each in instances.items() if not offline.stands_in(each)}
        for finding in await reach(built):
            yield finding
    for instance in instances.values():
        await instance.provider.aclose()


def _routes(settings: Settings, instances: Mapping[str, Instance]) -> Iterator[Finding]:
    from notifyhub.cli.check import offline
    from notifyhub.cli.check.finding import Level, guarded

    failed = False
    for finding in guarded("routes", offline.routes(settings, instances)):
        failed = failed or finding.level is Level.ERROR
        yield finding
    if not failed:  # with a route that cannot be there is no router to try them on
        yield from guarded("route_tests", offline.route_tests(settings, instances))


def _line(text: str) -> str:
    return " ".join(text.split())


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
