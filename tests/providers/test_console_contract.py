"""The console keeps every promise of a provider."""

from __future__ import annotations

from notifyhub.testing import ProviderContract
from notifyhub_console import notifyhub_provider_types


class TestConsole(ProviderContract):
    """Prints; asks nobody."""

    provider_type = notifyhub_provider_types()[0]
    network = False
