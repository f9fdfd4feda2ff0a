"""Secrets: `env:NAME` and `file:PATH` in a provider's table stand for values that are not in the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notifyhub.errors import SettingsError

__all__ = ["resolve_secrets"]


def resolve_secrets(table: Mapping[str, Any], field: str, folder: Path) -> dict[str, Any]:
    """Put the values in the place of `env:NAME` and `file:PATH`. Raises SettingsError naming the key."""
    return {key: _secret(value, f"{field}.{key}", folder) for key, value in table.items()}


def _secret(value: Any, field: str, folder: Path) -> Any:
    if isinstance(value, Mapping):
        return resolve_secrets(value, field, folder)
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        found = os.environ.get(name)
        if not found:
            raise SettingsError(
                f"the environment variable {name} is not set",
                field=field,
                remedy=f"set {name}, or change {field}",
            )
        return found
    if value.startswith("file:"):
        file = folder / value.removeprefix("file:")
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"the file {file} cannot be read: {type(error).__name__}",
                field=field,
                remedy=f"create the file, or change {field}",
            ) from error
    return value
