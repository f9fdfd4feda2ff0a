"""How often the platform takes messages to one number: what it would refuse with 4080 to 4086, or 408.

From the vendor's user guide and web manual: one a second, 5 codes a day, 2 identical texts a minute and 20
a day. They are settings of each account, so the instance's settings say otherwise where its console does.
Whether a "day" begins at midnight there is not documented; counted over any 24 hours they hold either way.
A number that goes on being sent to after them is blacklisted (408) until somebody lifts that in the console.
"""

from __future__ import annotations

from notifyhub.category import Category
from notifyhub.quota import Limit, LimitRule
from notifyhub_ihuyi.settings import IhuyiSettings

__all__ = ["declared"]

_MINUTE = 60
_DAY = 24 * 3600


def declared(settings: IhuyiSettings) -> tuple[LimitRule, ...]:
    """The limits of an account with these settings."""
    rules = [
        LimitRule(name="messages to a number", limits=_limits((settings.per_second, 1))),
        LimitRule(
            name="codes to a number",
            limits=_limits((settings.codes_per_day, _DAY)),
            categories=frozenset({Category.OTP}),
        ),
        LimitRule(
            name="the same text to a number",
            limits=_limits((settings.same_text_per_minute, _MINUTE), (settings.same_text_per_day, _DAY)),
            per=("recipient", "words"),
        ),
    ]
    return tuple([rule for rule in rules if rule.limits])


def _limits(*written: tuple[int, float]) -> tuple[Limit, ...]:
    return tuple([Limit(amount, seconds) for amount, seconds in written if amount])
