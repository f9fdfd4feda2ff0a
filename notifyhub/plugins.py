"""Plugins: find them, register them, block them, ask them, tell them. One set per hub, nothing global."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Protocol, cast

import pluggy

from notifyhub import hookspecs
from notifyhub.dispatch import OWN, DispatcherType
from notifyhub.errors import PluginError
from notifyhub.hookspecs import hookimpl
from notifyhub.log import get_logger
from notifyhub.providers import FunctionProvider, ProviderType

if TYPE_CHECKING:
    from jinja2 import BaseLoader

    from notifyhub.message import Notification
    from notifyhub.policy import Policy
    from notifyhub.settings import Settings

__all__ = ["ENTRY_POINT_GROUP", "Named", "Plugins"]

ENTRY_POINT_GROUP = "notifyhub"
_log = get_logger("notifyhub.plugins")


class Named(Protocol):
    """What plugins bring, and settings name."""

    @property
    def name(self) -> str:
        """Its name in the settings."""
        ...


class Plugins:
    """The plugins of one hub.

    discover: load what installed distributions declare under `[project.entry-points.notifyhub]`.
    block: names of entry points that are left out.

    Raises PluginError for a plugin that cannot be imported or implements an unknown hook.
    """

    def __init__(self, *, discover: bool = True, block: Iterable[str] = ()) -> None:
        self._manager = pluggy.PluginManager("notifyhub")
        self._manager.add_hookspecs(hookspecs)
        self._origins: dict[str, str] = {}
        self._implementations: dict[str, list[pluggy.HookImpl]] = {}
        blocked = frozenset(block)
        if discover:
            # Sorted, so that the order does not depend on the file system.
            for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
                if point.name not in blocked:
                    self._load(point)

    def _load(self, point: EntryPoint) -> None:
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        try:
            plugin = point.load()
        except Exception as error:  # whatever a stranger's module raises on import is its own fault
            raise PluginError(
                f"plugin `{point.name}` of {origin} cannot be imported: {type(error).__name__}: {error}",
                remedy=f'mend or uninstall it, or block it: `[plugins] block = ["{point.name}"]`',
            ) from error
        self.register(plugin, point.name, origin=origin)

    def register(
        self, plugin: object, name: str | None = None, *, origin: str = "registered in code"
    ) -> None:
        """Add a plugin: a module or object with hook implementations, a ProviderType, a decorated function.

        Raises PluginError when the name is taken or a hook implementation fits no hook.
        """
        if isinstance(plugin, FunctionProvider):
            plugin = plugin.type
        if isinstance(plugin, ProviderType):
            name, plugin = name or plugin.name, _Types(plugin)
        name = name or self._manager.get_canonical_name(plugin)
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(
                f"plugin `{name}` ({origin}): {error}",
                remedy="the hooks and their arguments are listed in notifyhub/hookspecs.py",
            ) from error
        self._origins[name] = origin
        self._implementations.clear()

    def origins(self) -> Mapping[str, str]:
        """Every plugin by name, and the distribution it comes from."""
        return dict(self._origins)

    def hooks_of(self, name: str) -> tuple[str, ...]:
        """The hooks a plugin implements, sorted."""
        plugin = self._manager.get_plugin(name)
        callers = self._manager.get_hookcallers(plugin) if plugin is not None else None
        return tuple(sorted(caller.name for caller in callers or ()))

    def provider_types(self) -> dict[str, ProviderType]:
        """Every provider type by name. Raises PluginError when two plugins bring the same name."""
        return self._by_name("notifyhub_provider_types", "provider type")

    def dispatcher_types(self) -> dict[str, DispatcherType]:
        """Every engine by name, our own among them. Raises PluginError when a name is brought twice."""
        return self._by_name("notifyhub_dispatchers", "dispatch engine", OWN)

    def _by_name(self, hook: str, what: str, own: Iterable[Named] = ()) -> dict[str, Any]:
        brought = [("notifyhub", kind) for kind in own]
        for implementation in self._of(hook):
            kinds = cast("Iterable[Named]", implementation.function())
            brought += [(implementation.plugin_name, kind) for kind in kinds]
        named: dict[str, Any] = {}
        brought_by: dict[str, str] = {}
        for plugin, kind in brought:
            if kind.name in named:
                raise PluginError(
                    f"plugins `{brought_by[kind.name]}` and `{plugin}` both bring the {what} `{kind.name}`",
                    remedy="block one of them in `[plugins] block`",
                )
            named[kind.name], brought_by[kind.name] = kind, plugin
        return named

    def template_loaders(self) -> list[BaseLoader]:
        """The loaders of the plugins' notices."""
        return list(self._manager.hook.notifyhub_template_loader())

    def policies(self, settings: Settings) -> list[Policy]:
        """The plugins' policies."""
        return [
            policy for some in self._manager.hook.notifyhub_policies(settings=settings) for policy in some
        ]

    def render_context(self, notification: Notification) -> dict[str, Any]:
        """What plugins add to the variables of this rendering; an earlier registered plugin wins."""
        if not self._of("notifyhub_render_context"):
            return {}
        context: dict[str, Any] = {}
        for extra in self._manager.hook.notifyhub_render_context(notification=notification):
            context.update(extra)
        return context

    def observes(self, hook: str) -> bool:
        """Whether any plugin implements this hook."""
        return bool(self._of(hook))

    async def tell(self, hook: str, **subject: object) -> None:
        """Call the observers of a hook, each for itself: one that raises is logged and hurts nobody."""
        for implementation in self._of(hook):
            try:
                answer = implementation.function(*(subject[name] for name in implementation.argnames))
                if inspect.isawaitable(answer):
                    await answer
            except Exception as error:  # noqa: BLE001 - an observer must never change what becomes of a message
                _log.error(
                    "observer_failed",
                    hook=hook,
                    plugin=implementation.plugin_name,
                    error=type(error).__name__,
                )

    def _of(self, hook: str) -> list[pluggy.HookImpl]:
        # pluggy copies its list at each asking, and most hooks are asked for each message and have none.
        found = self._implementations.get(hook)
        if found is None:
            found = self._implementations[hook] = getattr(self._manager.hook, hook).get_hookimpls()
        return found


class _Types:
    """The plugin that a bare provider type is."""

    def __init__(self, *types: ProviderType) -> None:
        self._types = types

    @hookimpl
    def notifyhub_provider_types(self) -> Iterable[ProviderType]:
        return self._types
