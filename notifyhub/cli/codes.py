"""`notifyhub codes`: what a vendor's codes mean, and what notifyhub does about each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json, print_rows
from notifyhub.cli.types import choose, provider_types

if TYPE_CHECKING:
    from notifyhub.providers import VendorCode

__all__ = ["codes"]


def codes(
    provider_type: Annotated[
        str | None,
        typer.Argument(
            metavar="TYPE", help="A provider type; without it, all that have codes.", show_default=False
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show a vendor's code table: meaning, reason, and what may follow."""
    kinds = choose(provider_types(config), provider_type, lambda kind: kind.codes, "code table")
    rows = [{"type": kind.name, **_row(code)} for kind in kinds for code in kind.codes]
    if as_json:
        print_json({"codes": rows})
        return
    several = len(kinds) > 1
    columns = [
        *(["type"] if several else []),
        "code",
        "meaning",
        "reason",
        "scope",
        "retry",
        "failover",
        "note",
    ]
    print_rows(columns, [[_words(row, column) for column in columns] for row in rows])


def _row(code: VendorCode) -> dict[str, Any]:
    from notifyhub.reason import REASONS

    rule = None if code.reason is None else REASONS[code.reason]
    return {
        "code": code.code,
        "meaning": code.meaning,
        "reason": code.reason,
        "scope": rule and rule.scope,
        # A retry needs both: a reason that allows it, and a pause that the vendor names.
        "retry_after": code.retry_after if rule is not None and rule.retries else None,
        "failover": rule is not None and rule.failover,
        "note": code.note,
    }


def _words(row: dict[str, Any], column: str) -> str:
    if row["reason"] is None and column in ("reason", "retry", "failover"):
        return "accepted" if column == "reason" else "-"
    if column == "retry":
        pause = row["retry_after"]
        return "no" if pause is None else f"once, after {pause:g} s" if pause else "once, at once"
    if column == "failover":
        return "yes" if row["failover"] else "no"
    return str(row[column] or "")
