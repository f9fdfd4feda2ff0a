"""Loading: the settings file, looked for upwards, and the environment over it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notifyhub.category import DELIVERY_POLICIES, Category
from notifyhub.errors import SettingsError, nearest
from notifyhub.settings.tables import NOT_WRITTEN, Settings
from notifyhub.settings.validation import validate, writable

__all__ = ["find_settings_file", "load_settings", "read_tables", "settings_from"]

FILE_NAME = "notifyhub.toml"
ENVIRONMENT_PREFIX = "NOTIFYHUB__"


def load_settings(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings file and the environment.

    path: the file; without it `NOTIFYHUB_CONFIG`, else the nearest `notifyhub.toml` or pyproject.toml
    with `[tool.notifyhub]` from the working directory upwards; without any, the defaults.
    `NOTIFYHUB__PROVIDERS__SMS__ACCOUNT=…` in the environment overrides `providers.sms.account`.

    Raises SettingsError, naming the key and the nearest right one.
    """
    return settings_from(*read_tables(path, environ))


def read_tables(
    path: str | Path | None = None, environ: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], Path | None]:
    """The tables as they are written, the environment over them, and the file; nothing is validated yet.

    Raises SettingsError where the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    given = path if path is not None else environ.get("NOTIFYHUB_CONFIG")
    file = Path(given) if given is not None else find_settings_file(Path.cwd())
    data = {} if file is None else _read(file)
    _override(data, environ)
    return data, file


def settings_from(data: Mapping[str, Any], file: Path | None = None) -> Settings:
    """Settings from plain tables, as they would stand in the file. Raises SettingsError."""
    tables = dict(data)
    for own in NOT_WRITTEN & tables.keys():
        raise SettingsError("unknown key", field=own, remedy=nearest(own, writable(Settings)))
    categories = tables.get("categories")
    if isinstance(categories, Mapping):
        # Only what is written changes; the rest of the category's policy stays.
        tables["categories"] = {
            name: {**DELIVERY_POLICIES[Category(name)].model_dump(), **changes}
            if name in set(Category) and isinstance(changes, Mapping)
            else changes
            for name, changes in categories.items()
        }
    if file is not None:
        tables["folder"], tables["source"] = file.resolve().parent, str(file)
    settings = validate(Settings, tables)
    for name, table in settings.providers.items():
        if not isinstance(table.get("type"), str):
            raise SettingsError(
                "missing", field=f"providers.{name}.type", remedy='say which provider it is: type = "ihuyi"'
            )
    return settings


def find_settings_file(start: Path) -> Path | None:
    """The nearest settings file from a folder upwards, or None."""
    for folder in (start, *start.parents):
        own = folder / FILE_NAME
        if own.is_file():
            return own
        project = folder / "pyproject.toml"
        if project.is_file() and "notifyhub" in _toml(project).get("tool", {}):
            return project
    return None


def _read(file: Path) -> dict[str, Any]:
    data = _toml(file)
    if file.name != "pyproject.toml":
        return data
    table = data.get("tool", {}).get("notifyhub", {})
    return dict(table)


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"no such file: {file}", field="config", remedy="`notifyhub init` writes one"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}", field="config") from error


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> None:
    for variable, text in environ.items():
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        *tables, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        table = data
        for name in tables:
            inner = table.setdefault(name, {})
            if not isinstance(inner, dict):
                raise SettingsError(f"`{name}` is not a table", field=variable)
            table = inner
        table[key] = _value(variable, text)


def _value(variable: str, text: str) -> Any:
    # Numbers and booleans stay words: the models read them, and a key of digits must not become a number.
    if not text.startswith(("[", "{", '"')):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            "is not a TOML value", field=variable, remedy="write it as in the file"
        ) from error
