"""`notifyhub ledger status`: where the ledger is, whether its tables fit, and what waits in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import typer

from notifyhub.cli.deliveries import local, moment
from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.ledger.tables import opened_tables
from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json
from notifyhub.cli.program import ACCEPTED, WRONG, complain

if TYPE_CHECKING:
    from notifyhub.ledger import Backlog
    from notifyhub.ledger.sql.migration import SchemaStatus
    from notifyhub.settings import Settings

__all__ = ["status"]


def status(config: Config = None, as_json: Json = False) -> None:
    """Show where the ledger is, its tables' version, whether it is sealed, and what waits in it.

    Exit status: 0 usable, 2 where `ledger migrate` or a newer notifyhub is needed, 75 where the database
    cannot be used now.
    """
    from notifyhub.ledger.sql.migration import unfit
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    where, tables, backlog = asyncio.run(_status(settings))
    if as_json:
        print_json(_values(settings, where, tables, backlog))
    else:
        for name, value in _facts(settings, where, tables, backlog).items():
            print(f"{name:<8}  {value}")
    if backlog is None:
        complain(str(unfit(tables)))
    raise typer.Exit(WRONG if backlog is None else ACCEPTED)


async def _status(settings: Settings) -> tuple[str, SchemaStatus, Backlog | None]:
    """Where, how far the tables are, and what waits; None for that where they do not fit."""
    from notifyhub.ledger import Backlog

    async with opened_tables(settings) as tables:
        where, found = tables.where, await tables.status()
    if found.current != found.latest:
        # A file without any table is no fault: it is made a ledger when it is first used, and not by looking.
        return where, found, Backlog() if _made_at_first_use(found) else None
    async with opened_ledger(settings) as ledger:
        return where, found, await ledger.backlog()


def _made_at_first_use(found: SchemaStatus) -> bool:
    return found.backend == "sqlite" and found.empty


def _values(settings: Settings, where: str, tables: SchemaStatus, backlog: Backlog | None) -> dict[str, Any]:
    return {
        "backend": tables.backend,
        "where": where,
        "version": {"current": tables.current, "latest": tables.latest},
        "pending": list(tables.pending),
        "sealed": bool(settings.ledger.keys),
        "engine": settings.dispatch.engine,
        "usable": backlog is not None,
        "backlog": backlog
        and {
            "ready": backlog.ready,
            "later": backlog.later,
            "sending": backlog.sending,
            "next_due": moment(backlog.next_due),
        },
    }


def _facts(settings: Settings, where: str, tables: SchemaStatus, backlog: Backlog | None) -> dict[str, str]:
    if _made_at_first_use(tables):
        version = f"none yet: version {tables.latest} is made when it is first used"
    elif tables.pending:
        version = f"version {tables.current} of {tables.latest}; pending: {', '.join(tables.pending)}"
    else:
        version = f"version {tables.current} of {tables.latest}"
    facts = {
        "ledger": f"{tables.backend}, {where}",
        "tables": version,
        "personal": "sealed" if settings.ledger.keys else "in clear (set `keys` in [ledger] to seal it)",
        "engine": settings.dispatch.engine,
    }
    if backlog is not None:
        next_due = "" if backlog.next_due is None else f", the next at {local(backlog.next_due)}"
        facts["backlog"] = (
            f"{backlog.ready} ready, {backlog.later} later{next_due}, {backlog.sending} sending"
        )
    return facts
