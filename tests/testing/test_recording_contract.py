"""The recording provider keeps every promise of a provider."""

from __future__ import annotations

from notifyhub import Provider
from notifyhub.testing import Gateway, ProviderContract, RecordingProvider


class TestRecording(ProviderContract):
    """It is only ever a finished instance, and it asks nobody."""

    provider_type = None
    network = False

    def make(self, gateway: Gateway) -> Provider:
        return RecordingProvider()
