"""QuietHours: what can wait until the recipient is up, waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from notifyhub.category import Category
from notifyhub.log import get_logger
from notifyhub.message import Message
from notifyhub.policies.at_once import AtOnce
from notifyhub.policies.excess import utc_now
from notifyhub.policies.quiet_time import LONGEST, QuietTime, quiet_until
from notifyhub.policies.time_zones import find_zone, zones_of
from notifyhub.policy import ALLOW, Decision, Defer

__all__ = ["QuietHours"]

_log = get_logger("notifyhub.policies")


class QuietHours(AtOnce):
    """Defers messages of some categories to the end of the quiet time at the recipient's.

    The recipient's time zone is what the application said; else the country's of the phone number; else the
    default. Where a country has several zones, it is quiet as long as it is quiet in any of them: whoever
    is asleep in one of them may be the one who gets it. A zone that is not known here is passed over, so that
    a typing error in somebody's profile does not lose a message.

    quiet: the stretches; where several are for a category, the end of all of them is waited for.
    default_zone: of everybody else. clock: aware datetimes.
    """

    name = "quiet_hours"

    def __init__(
        self,
        quiet: Sequence[QuietTime],
        default_zone: tzinfo,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._quiet = {c: tuple([each for each in quiet if c in each.categories]) for c in Category}
        self._default = default_zone
        self._clock = clock

    def concerns(self, category: Category) -> bool:
        """Whether it is ever quiet for these."""
        return bool(self._quiet[category])

    def decide_at_once(self, message: Message) -> Decision:
        """Allow, or defer until it is quiet nowhere that the recipient may be."""
        quiet = self._quiet[message.category]
        if not quiet:
            return ALLOW
        zones, where = self._zones(message)
        now = until = self._clock()
        while until - now < LONGEST:
            ends = [quiet_until(until, each, zone) for each in quiet for zone in zones]
            later = max((end for end in ends if end is not None), default=None)
            if later is None:
                break
            until = later
        return ALLOW if until == now else Defer(until, f"it is quiet {where}")

    def _zones(self, message: Message) -> tuple[Sequence[tzinfo], str]:
        """Where the recipient may be, and that in words."""
        unknown = ""
        if message.time_zone is not None:
            zone = find_zone(message.time_zone)
            if zone is not None:
                return (zone,), f"in the recipient's time zone {zone.key}"
            _log.warning("time_zone_unknown", delivery=message.id)
            unknown = "; the recipient's own time zone is not known here"
        found = zones_of(message.country)
        if len(found) > 1:
            return found, f"somewhere in {message.country}, which has several time zones{unknown}"
        if found:
            return found, f"in {found[0].key}, where the number is from{unknown}"
        return (self._default,), f"in the default time zone {self._default}{unknown}"
