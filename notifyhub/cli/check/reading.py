"""Reading: the settings with everything wrong in them found, and what is right in them kept."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from notifyhub.cli.check.finding import Finding, fine, wrong
from notifyhub.errors import SettingsError
from notifyhub.settings import Settings
from notifyhub.settings.loading import read_tables, settings_from

__all__ = ["read"]

_MORE = re.compile(r" \(and \d+ more\)$")


def read(config: Path | None) -> tuple[Settings | None, list[Finding], frozenset[str]]:
    """The settings without what is wrong in them, the findings, and the tables that something is wrong in.

    None where nothing can be read at all.
    """
    try:
        tables, file = read_tables(config)
    except SettingsError as error:
        return None, [wrong("settings", error)], frozenset()
    tables = copy.deepcopy(tables)
    findings: list[Finding] = []
    touched: set[str] = set()
    taken: list[str] = []
    while True:
        try:
            settings = settings_from(tables, file)
        except SettingsError as error:
            dotted = error.field or ""
            # A key that is required and was taken out is missing now; that is nobody's mistake but ours.
            if dotted not in taken:
                findings.append(_finding(error))
            taken.append(dotted)
            path = dotted.split(".")
            touched.add(path[0])
            # Each time something is taken out, so this ends.
            if not _taken_out(tables, path):
                return None, findings, frozenset(touched)
        else:
            return settings, findings or [fine("settings", settings.source, "readable")], frozenset(touched)


def _finding(error: SettingsError) -> Finding:
    # What more there is comes in the next rounds.
    return wrong(
        "settings", SettingsError(_MORE.sub("", error.problem), field=error.field, remedy=error.remedy)
    )


def _taken_out(tables: dict[str, Any], path: Sequence[str]) -> bool:
    """Take the wrong key out, or where it is not there (it is missing) the table that lacks it.

    An element of a list takes the list along: the numbers of the others must stay what they are in the file.
    """
    whole: list[tuple[dict[str, Any], str]] = []
    place: Any = tables
    for part in path:
        if isinstance(place, dict) and part in place:
            whole.append((place, part))
            place = place[part]
        elif isinstance(place, list) and part.isdecimal() and int(part) < len(place):
            place = place[int(part)]
        else:
            break
    else:
        part = ""
    if not whole:
        return False
    table, key = whole[-1]
    del table[key]
    return True
