"""Settings, hubs and ledgers for commands that need only a part of them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from notifyhub.errors import SettingsError

if TYPE_CHECKING:
    from notifyhub.hub import Hub
    from notifyhub.ledger import Ledger
    from notifyhub.settings import Settings

__all__ = ["forgetful", "lasting_ledger", "offline_hub", "opened_ledger"]


def offline_hub(settings: Settings) -> Hub:
    """A hub with the notices and plugins of the settings and none of their providers.

    Looking at words must not need the accounts' secrets. Nothing in it needs closing.
    Raises ConfigurationError.
    """
    from notifyhub.hub import Hub

    return Hub(forgetful(settings).model_copy(update={"providers": {}, "routes": ()}))


def forgetful(settings: Settings) -> Settings:
    """The same with a ledger in memory: what only looks must not need the database, nor make one."""
    from notifyhub.settings import DispatchSettings, LedgerSettings

    return settings.model_copy(update={"ledger": LedgerSettings(), "dispatch": DispatchSettings()})


def lasting_ledger(settings: Settings, why: str) -> Ledger:
    """The settings' ledger, not started yet.

    Raises SettingsError where it is in memory, which ends with this command; `why` says what that means.
    """
    from notifyhub.registry import ledger_from

    ledger = ledger_from(settings)
    if not ledger.durable:
        raise SettingsError(
            f"the ledger is in memory and ends with this command: {why}",
            field="ledger.url",
            remedy='set url = "sqlite:///notifyhub.db" in [ledger]',
        )
    return ledger


@asynccontextmanager
async def opened_ledger(settings: Settings) -> AsyncIterator[Ledger]:
    """The settings' ledger, without any provider: looking must not need the accounts' secrets.

    Raises SettingsError, SchemaError, LedgerUnavailable.
    """
    ledger = lasting_ledger(settings, "it holds nothing")
    try:
        with _nothing_said_of_sealing():
            await ledger.start()
        yield ledger
    finally:
        await ledger.aclose()


@contextmanager
def _nothing_said_of_sealing() -> Iterator[None]:
    """Whoever keeps something is warned that it is kept in clear; whoever looks at it need not be."""
    log = logging.getLogger("notifyhub.ledger")

    def other(record: logging.LogRecord) -> bool:
        return "ledger_in_clear" not in record.getMessage()

    log.addFilter(other)
    try:
        yield
    finally:
        log.removeFilter(other)
