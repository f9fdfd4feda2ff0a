"""Registry: what is made from settings: provider instances, the ledger, the dispatcher.

The registry proper holds the instances, and is the one place that closes them.
"""

from __future__ import annotations

from collections.abc import Mapping

from notifyhub.breaker import Breaker
from notifyhub.dispatch import DispatchContext, Dispatcher, DispatcherType
from notifyhub.errors import SettingsError, nearest
from notifyhub.ledger import Ledger, open_ledger
from notifyhub.log import get_logger
from notifyhub.providers import Provider, ProviderType
from notifyhub.routing import Instance, watched
from notifyhub.settings import Settings, resolve_secrets, validate

__all__ = ["Registry", "dispatch_context", "dispatcher_from", "dispatcher_type", "ledger_from"]

_log = get_logger("notifyhub.registry")


class Registry:
    """The provider instances of one hub, in the order of the settings, then those given in code.

    With neither, there is one: `console`.

    Raises SettingsError for an unknown type, an unknown key or a missing secret.
    """

    def __init__(
        self,
        settings: Settings,
        types: Mapping[str, ProviderType],
        finished: Mapping[str, Provider] | None = None,
    ) -> None:
        self._breaker = settings.breaker
        self._watched = watched(settings.routes)
        self._instances: dict[str, Instance] = {}
        for name, table in settings.providers.items():
            kind = _type_of(name, table["type"], types)
            field = f"providers.{name}"
            values = resolve_secrets({k: v for k, v in table.items() if k != "type"}, field, settings.folder)
            try:
                provider = kind.build(name, validate(kind.settings, values, field))
            except SettingsError as error:
                # A provider that checks its settings itself may know only its own part of the key.
                if error.field is None or error.field.startswith(field):
                    raise
                raise SettingsError(
                    error.problem, field=f"{field}.{error.field}", remedy=error.remedy
                ) from None
            self._add(name, kind.name, provider)
        for name, provider in (finished or {}).items():
            self._add(name, getattr(provider, "type_name", type(provider).__name__), provider)
        if not self._instances:
            kind = _type_of("console", "console", types)
            self._add("console", kind.name, kind.build("console", kind.settings()))

    def _add(self, name: str, kind: str, provider: Provider) -> None:
        if name in self._instances:
            raise SettingsError(
                "is both in the settings and given in code",
                field=f"providers.{name}",
                remedy="rename one of them",
            )
        longest = Breaker.LONGEST_PAUSE
        if name in self._watched:
            # Trust comes back by steps there; a breaker open ever longer would only keep probes off.
            longest = self._breaker.cooldown
        threshold, cooldown = self._breaker.threshold, self._breaker.cooldown
        breaker = Breaker(threshold=threshold, cooldown=cooldown, longest=longest)
        self._instances[name] = Instance(name, kind, provider, breaker)

    @property
    def instances(self) -> Mapping[str, Instance]:
        """Every instance by name."""
        return self._instances

    def instance(self, name: str) -> Instance:
        """One instance. Raises SettingsError naming the nearest."""
        try:
            return self._instances[name]
        except KeyError:
            raise SettingsError(
                f"no provider instance is called `{name}`",
                field="providers",
                remedy=nearest(name, self._instances),
            ) from None

    async def aclose(self) -> None:
        """Close every instance; one that fails to close does not keep the others open."""
        for instance in self._instances.values():
            try:
                await instance.provider.aclose()
            except Exception as error:  # noqa: BLE001 - a stranger's clean-up must not leak the others' connections
                _log.error("close_failed", provider=instance.name, error=type(error).__name__)


def _type_of(name: str, kind: str, types: Mapping[str, ProviderType]) -> ProviderType:
    try:
        return types[kind]
    except KeyError:
        raise SettingsError(
            f"unknown provider type `{kind}`", field=f"providers.{name}.type", remedy=nearest(kind, types)
        ) from None


def ledger_from(settings: Settings) -> Ledger:
    """The ledger of `[ledger]`; it connects when first used. Raises SettingsError."""
    table = settings.ledger
    url = resolve_secrets({"url": table.url}, "ledger", settings.folder)["url"]
    numbered = {str(number): key for number, key in enumerate(table.keys)}
    keys = list(resolve_secrets(numbered, "ledger.keys", settings.folder).values())
    return open_ledger(
        url, synchronous=table.synchronous, lease=table.lease, keys=keys, folder=settings.folder
    )


def dispatcher_type(settings: Settings, types: Mapping[str, DispatcherType]) -> DispatcherType:
    """The engine that `[dispatch] engine` names. Raises SettingsError."""
    try:
        return types[settings.dispatch.engine]
    except KeyError:
        raise SettingsError(
            f"unknown engine `{settings.dispatch.engine}`",
            field="dispatch.engine",
            remedy=nearest(settings.dispatch.engine, types),
        ) from None


def dispatch_context(settings: Settings) -> DispatchContext:
    """What the engine is made of. Raises SettingsError where the ledger's url cannot be read."""
    url = resolve_secrets({"url": settings.ledger.url}, "ledger", settings.folder)["url"]
    return DispatchContext(ledger_url=url, lease=settings.ledger.lease, folder=settings.folder)


def dispatcher_from(settings: Settings, types: Mapping[str, DispatcherType]) -> Dispatcher:
    """The dispatcher of `[dispatch]`. Raises SettingsError."""
    return dispatcher_type(settings, types).build(dispatch_context(settings))
