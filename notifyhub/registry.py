"""Registry: provider instances made from settings, and the one place that closes them."""

from __future__ import annotations

from collections.abc import Mapping

from notifyhub.breaker import Breaker
from notifyhub.errors import SettingsError, nearest
from notifyhub.log import get_logger
from notifyhub.providers import Provider, ProviderType
from notifyhub.routing import Instance
from notifyhub.settings import Settings, resolve_secrets, validate

__all__ = ["Registry"]

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
        breaker = Breaker(threshold=self._breaker.threshold, cooldown=self._breaker.cooldown)
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
