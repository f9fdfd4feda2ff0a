"""Time zones: of a person who said theirs, and of a country."""

from __future__ import annotations

import zoneinfo
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from notifyhub.errors import SettingsError

__all__ = ["find_zone", "zone_from_settings", "zones_of"]

# Each line: countries, coordinates, zone. The newer table first: it names fewer zones for the same times.
_TABLES = ("zone1970.tab", "zone.tab")
_BY_LAW = {"CN": ("Asia/Shanghai",)}
"""Where the table knows more zones than the law: all of China keeps Beijing time."""


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo | None:
    """The zone of this IANA name; None where there is none here."""
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: a folder of zones (`Europe`), or a name too long for a file.
        return None


def zone_from_settings(name: str) -> ZoneInfo:
    """The zone that the settings name. Raises SettingsError."""
    zone = find_zone(name)
    if zone is None:
        raise SettingsError(
            f"`{name}` is no time zone known here",
            field="default_time_zone",
            remedy='give an IANA name, "Asia/Shanghai"; where the system has none, pip install tzdata',
        )
    return zone


@cache
def zones_of(country: str) -> tuple[ZoneInfo, ...]:
    """All zones of a country (ISO 3166 alpha-2), as the time zone database of this machine has them.

    Empty for an unknown country, and for all where there is no such table, neither the system's nor that of
    the package `tzdata`.
    """
    names = _BY_LAW.get(country) or _table().get(country, ())
    found = [find_zone(name) for name in names]
    return tuple([zone for zone in found if zone is not None])


@cache
def _table() -> dict[str, tuple[str, ...]]:
    zones: dict[str, tuple[str, ...]] = {}
    for line in _written().splitlines():
        if line and not line.startswith("#"):
            countries, _, zone = line.split("\t")[:3]
            for country in countries.split(","):
                zones[country] = (*zones.get(country, ()), zone)
    return zones


def _written() -> str:
    for folder in zoneinfo.TZPATH:
        for name in _TABLES:
            path = Path(folder, name)
            if path.is_file():
                return path.read_text(encoding="utf-8")
    try:
        packaged = resources.files("tzdata.zoneinfo")
    except ModuleNotFoundError:
        return ""
    for name in _TABLES:
        if packaged.joinpath(name).is_file():
            return packaged.joinpath(name).read_text(encoding="utf-8")
    return ""
