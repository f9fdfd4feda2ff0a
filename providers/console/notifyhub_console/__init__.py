"""The console provider: prints what would be sent. The fallback of any route, and of having no settings.

    [providers.console]
    type = "console"
    reveal = true        # show codes and numbers whole

Importing this package costs only pluggy: the provider loads when a hub asks for it, rich when a
terminal is written to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from notifyhub.hookspecs import hookimpl

if TYPE_CHECKING:
    from notifyhub.providers import ProviderType

__all__ = ["notifyhub_provider_types"]


@hookimpl
def notifyhub_provider_types() -> list[ProviderType]:
    """The one type this plugin brings: `console`."""
    from notifyhub.message import ANY_CHANNEL
    from notifyhub.providers import ProviderType
    from notifyhub_console.provider import ConsoleProvider
    from notifyhub_console.settings import ConsoleSettings

    return [
        ProviderType(
            name="console",
            channels=frozenset({ANY_CHANNEL}),
            settings=ConsoleSettings,
            build=ConsoleProvider,
            summary="prints what would be sent, codes and numbers masked",
        )
    ]
