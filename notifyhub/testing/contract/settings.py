"""What an operator meets: the settings of an instance."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from pydantic import ValidationError

from notifyhub.errors import SettingsError
from notifyhub.providers import ProviderType
from notifyhub.settings import validate
from notifyhub.testing.contract.base import INSTANCE, Contract, require
from notifyhub.testing.gateway import Gateway
from notifyhub.testing.watch import watch_connections

__all__ = ["SettingsPromises"]

_SOUNDS_SECRET = re.compile(r"(^|_)(key|token|secret|password|passwd|passphrase|credentials?)$")
_NO_TYPE = "provider_type is None: a finished instance has no settings"


class SettingsPromises(Contract):
    """Settings are one frozen, closed model that hides its secrets."""

    def test_settings_are_frozen_and_closed(self) -> None:
        """The settings model is frozen, and refuses a key that it does not know, naming it."""
        kind, table = self._settings()
        config = kind.settings.model_config
        require(config.get("frozen") is True, f"{kind.settings.__name__} is not frozen=True")
        require(config.get("extra") == "forbid", f'{kind.settings.__name__} is not extra="forbid"')
        unknown = "no_such_key"
        try:
            validate(kind.settings, {**table, unknown: "1"}, INSTANCE)
        except SettingsError as error:
            require(error.field == f"{INSTANCE}.{unknown}", f"an unknown key is reported as {error.field}")
        else:
            raise AssertionError("an unknown key of the settings was taken")

    def test_settings_show_no_secret(self) -> None:
        """`repr` and `str` of the settings hide every secret; what sounds like one is a SecretStr."""
        kind, table = self._settings()
        for name, field in kind.settings.model_fields.items():
            hidden = any(kind in repr(field.annotation) for kind in ("SecretStr", "SecretBytes"))
            require(
                hidden or not _SOUNDS_SECRET.search(name) or field.annotation in (bool, int, float),
                f"the setting {name} sounds secret and is no SecretStr",
            )
        values = validate(kind.settings, table, INSTANCE)
        for secret in self._secrets():
            shown = f"{values!r} {values!s} {values}"
            require(secret not in shown, f"the repr of {kind.settings.__name__} shows a secret")

    def test_settings_errors_show_no_secret(self) -> None:
        """Settings with a missing or ill-typed value are refused without quoting a secret."""
        kind, table = self._settings()
        secrets = self._secrets()
        spoilt: list[dict[str, Any]] = []
        for name, value in table.items():
            spoilt.append({k: v for k, v in table.items() if k != name})
            spoilt.append({**table, name: [value]})
            spoilt.append({**table, name: {"value": value}})
            if isinstance(value, str):
                spoilt.append({**table, name: f"{value}\n"})
        for values in spoilt:
            try:
                kind.settings.model_validate(values)
            except (ValidationError, SettingsError) as error:
                told = f"{error} {error!r}"
                require(
                    not any(secret in told for secret in secrets),
                    f"an error about the settings quotes a secret; set hide_input_in_errors=True on "
                    f"{kind.settings.__name__} and quote no value yourself",
                )

    def test_making_an_instance_does_no_io(self) -> None:
        """An instance is made without an event loop and without a connection; the first send connects."""
        with watch_connections() as connections:
            provider = self.make(Gateway())
        require(not connections, f"making an instance connected to {connections}")
        asyncio.run(provider.aclose())

    def _settings(self) -> tuple[ProviderType, dict[str, Any]]:
        kind = self._type()
        if kind is None:
            pytest.skip(_NO_TYPE)
        return kind, self.settings(Gateway())
