"""Hubs for commands that look and do not send."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notifyhub.hub import Hub
    from notifyhub.settings import Settings

__all__ = ["offline_hub"]


def offline_hub(settings: Settings) -> Hub:
    """A hub with the notices and plugins of the settings and none of their providers.

    Looking at words must not need the accounts' secrets. Nothing in it needs closing.
    Raises ConfigurationError.
    """
    from notifyhub.hub import Hub

    return Hub(settings.model_copy(update={"providers": {}, "routes": ()}))
