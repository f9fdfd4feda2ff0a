"""The ledger's tables as the settings name them, looked at without starting the ledger on them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notifyhub.ledger.schema import Schema
    from notifyhub.settings import Settings

__all__ = ["opened_tables"]


@asynccontextmanager
async def opened_tables(settings: Settings) -> AsyncIterator[Schema]:
    """The schema in the database of `[ledger]`. Raises SettingsError."""
    from notifyhub.cli.hubs import lasting_ledger
    from notifyhub.ledger.location import open_store
    from notifyhub.ledger.schema import Schema
    from notifyhub.registry import dispatch_context

    lasting_ledger(settings, "it has no tables")  # and its keys are keys
    context = dispatch_context(settings)
    store = open_store(context.ledger_url, synchronous=settings.ledger.synchronous, folder=context.folder)
    try:
        yield Schema(store)
    finally:
        await store.aclose()
