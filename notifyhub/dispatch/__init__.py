"""Dispatch: how workers learn what is queued. The ledger owns the truth, an engine carries only ids."""

from notifyhub.dispatch.contract import DispatchContext, Dispatcher, DispatcherType, Ticket, Work
from notifyhub.dispatch.embedded import EMBEDDED, EmbeddedDispatcher
from notifyhub.dispatch.pgqueuer import PGQUEUER

OWN: tuple[DispatcherType, ...] = (EMBEDDED, PGQUEUER)
"""The engines that come along."""

__all__ = [
    "EMBEDDED",
    "OWN",
    "PGQUEUER",
    "DispatchContext",
    "Dispatcher",
    "DispatcherType",
    "EmbeddedDispatcher",
    "Ticket",
    "Work",
]
