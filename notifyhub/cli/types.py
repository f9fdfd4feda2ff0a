"""Provider types by name, for the commands that are about a vendor and not about a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from notifyhub.errors import NotificationError, nearest

if TYPE_CHECKING:
    from notifyhub.providers import ProviderType

__all__ = ["choose", "provider_types"]


def provider_types(config: Path | None = None) -> Mapping[str, ProviderType]:
    """The provider types of the plugins that are installed and not blocked. Raises ConfigurationError."""
    from notifyhub.plugins import Plugins
    from notifyhub.settings import load_settings

    return Plugins(block=load_settings(config).plugins.block).provider_types()


def choose(
    types: Mapping[str, ProviderType], name: str | None, has: Callable[[ProviderType], object], what: str
) -> list[ProviderType]:
    """The type that was named, else all that have what the command is about.

    Raises NotificationError where it is unknown or has none, or none has any.
    """
    having = [kind for kind in types.values() if has(kind)]
    if name is None:
        if not having:
            raise NotificationError(f"no installed provider type has a {what}", field="type")
        return having
    if name not in types:
        raise NotificationError(
            f"unknown provider type `{name}`", field="type", remedy=nearest(name, (k.name for k in having))
        )
    if types[name] not in having:
        known = ", ".join(sorted(kind.name for kind in having)) or "none"
        raise NotificationError(f"`{name}` has no {what}", field="type", remedy=f"these have: {known}")
    return [types[name]]
