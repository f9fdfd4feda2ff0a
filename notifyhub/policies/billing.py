"""Billing: what a message costs before it is sent, in parts and in money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from notifyhub.message import SMS, Message
from notifyhub.outcome import Attempt
from notifyhub.providers import CountsParts, Provider
from notifyhub.template import parts_cn, segments

__all__ = ["MILLION", "Billing", "Unit"]

MILLION = 1_000_000
"""Money is counted in millionths: whole numbers add up the same everywhere."""


_ONE_PART, _BASIC = 70, "\uffff"
"""So many characters of the basic plane are one part in every country and every alphabet."""


Unit: TypeAlias = Literal["messages", "parts", "money"]


class Billing:
    """What instances bill. prices: of one part, by instance, in the account's currency.

    alike: whether the same message costs the same at each of them. Raises KeyError from `money` and `cost`
    for an instance without a price.
    """

    def __init__(self, providers: Mapping[str, Provider], prices: Mapping[str, float]) -> None:
        self._counting = {name: p for name, p in providers.items() if isinstance(p, CountsParts)}
        self._prices = {name: round(price * MILLION) for name, price in prices.items()}
        self.alike = not self._counting and len(set(prices.values())) <= 1

    def parts(self, message: Message, instances: Sequence[str]) -> int:
        """The most parts that one of these instances bills it as."""
        counting = self._counting
        if counting and not counting.keys().isdisjoint(instances):
            return max([self._parts(message, name) for name in instances])
        return _parts(message)

    def money(self, message: Message, instances: Sequence[str]) -> int:
        """What the dearest of these instances bills, in millionths."""
        return max([self._parts(message, name) * self._prices[name] for name in instances], default=0)

    def billed(self, message: Message, attempt: Attempt) -> int:
        """The parts of a copy that may be out: the vendor's own count, where it told one."""
        return attempt.outcome.parts or self._parts(message, attempt.provider)

    def cost(self, unit: Unit, parts: int, instance: str) -> int:
        """What a copy of so many parts costs by an instance; money in millionths."""
        if unit == "messages":
            return 1
        return parts if unit == "parts" else parts * self._prices[instance]

    def _parts(self, message: Message, instance: str) -> int:
        provider = self._counting.get(instance)
        counted: object = None if provider is None else provider.parts(message)
        # A stranger's `parts` may be about something else altogether.
        return counted if isinstance(counted, int) and counted > 0 else _parts(message)


def _parts(message: Message) -> int:
    """As it is billed where it goes to, with nothing added to it; what is no text message is one part."""
    text = message.text
    if message.channel != SMS or (len(text) <= _ONE_PART and (text.isascii() or max(text) <= _BASIC)):
        return 1
    return parts_cn(text) if message.country == "CN" else segments(text).parts
