"""The embedded engine: the promises of every dispatcher."""

from __future__ import annotations

from notifyhub.dispatch import Dispatcher, EmbeddedDispatcher
from notifyhub.testing.dispatching import DispatcherContract


class TestEmbedded(DispatcherContract):
    def make(self) -> Dispatcher:
        return EmbeddedDispatcher()
