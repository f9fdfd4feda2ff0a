"""Writing TOML: as much of it as settings need (the standard library only reads it)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["toml_table", "toml_value"]


def toml_value(value: str | bool | float | list[str]) -> str:
    """A value as TOML writes it."""
    # JSON's strings, numbers, booleans and arrays of strings are TOML's as well; DEL alone is not.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_table(name: str, values: Mapping[str, Any]) -> list[str]:
    """A table's lines."""
    return [f"[{name}]", *(f"{key} = {toml_value(value)}" for key, value in values.items())]
