"""DaysOff: which dates are holidays, by the deployment's own choosing."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date

from notifyhub.errors import SettingsError

__all__ = ["DaysOff", "calendar_of"]

_NOTHING: Container[date] = frozenset()


@dataclass(frozen=True, slots=True)
class DaysOff:
    """Holidays: those of `dates` and of `calendar`, but no `workdays`, whatever it says of them (调休)."""

    dates: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    calendar: Container[date] = _NOTHING

    def __contains__(self, day: object) -> bool:
        return day not in self.workdays and (day in self.dates or day in self.calendar)


def calendar_of(country: str) -> Container[date]:
    """The public holidays of a country (`CN`) or a part of it (`DE-BY`), by the package `holidays`.

    Raises SettingsError where the package is missing or does not know the country.
    """
    try:
        import holidays
    except ImportError:
        raise SettingsError(
            "the public holidays of a country come with an extra that is not installed",
            field="policies.quiet_hours.holiday_country",
            remedy="pip install 'notifyhub-core[holidays]', or list the dates under `holidays`",
        ) from None
    name, _, part = country.partition("-")
    try:
        return holidays.country_holidays(name.upper(), subdiv=part.upper() or None)
    except NotImplementedError:
        raise SettingsError(
            f"no public holidays are known of `{country}`",
            field="policies.quiet_hours.holiday_country",
            remedy="give an ISO 3166 code, `CN` or `DE-BY`, or list the dates under `holidays`",
        ) from None
