"""Ledger: whether its tables are those of this version."""

from __future__ import annotations

from collections.abc import AsyncIterator

from notifyhub.cli.check.finding import Finding, fine, warning, wrong
from notifyhub.cli.ledger.tables import opened_tables
from notifyhub.errors import NotifyhubError
from notifyhub.ledger.sql.migration import unfit
from notifyhub.registry import ledger_from
from notifyhub.settings import Settings

__all__ = ["ledger"]

MIGRATE = "run `notifyhub ledger migrate`"


async def ledger(settings: Settings) -> AsyncIterator[Finding]:
    """Looks at the tables, and makes none."""
    try:
        if not ledger_from(settings).durable:
            said = "in memory: what is queued or under way ends with the process"
            yield warning("ledger", "ledger.url", said, 'set url = "sqlite:///notifyhub.db" in [ledger]')
            return
        async with opened_tables(settings) as tables:
            where, found = tables.where, await tables.status()
    except NotifyhubError as error:
        yield wrong("ledger", error, "ledger.url")
        return
    if found.current == found.latest:
        yield fine("ledger", where, f"{found.backend}, version {found.current} of {found.latest}")
    elif found.empty:
        yield warning("ledger", where, f"{found.backend}, no tables yet", MIGRATE)
    else:
        yield wrong("ledger", unfit(found), where)
    if not settings.ledger.keys:
        said = "addresses and words are kept in clear"
        yield warning("ledger", "ledger.keys", said, "make a key with `notifyhub ledger key`")
