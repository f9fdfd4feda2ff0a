"""BalanceGuard: looks how much is left on the accounts, and takes an empty one out of its routes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Protocol

from notifyhub.breaker import Breaker
from notifyhub.errors import SettingsError, nearest
from notifyhub.log import get_logger
from notifyhub.outcome import Outcome
from notifyhub.providers import Balance, HasBalance, Provider
from notifyhub.reason import Reason
from notifyhub.settings import BalanceGuardSettings

__all__ = ["BalanceGuard", "Guarded"]

_log = get_logger("notifyhub.policies")

DEFAULT = "default"
"""What thresholds for all instances stand under."""
LONGEST_LOOK = 30.0
"""Seconds that one account may take to answer."""


class Guarded(Protocol):
    """An instance: its name, who answers for it, and what keeps it from being asked."""

    @property
    def name(self) -> str:
        """As routes call it."""
        ...

    @property
    def provider(self) -> Provider:
        """Who can say the balance, or cannot."""
        ...

    @property
    def breaker(self) -> Breaker:
        """Held open while the account is empty."""
        ...


class BalanceGuard:
    """Asks each instance that can say its balance every so often. Each process looks for itself.

    Below `warn_below` that is logged once, until it was above again. Below `empty_below` the instance is
    passed over, as by an open breaker with the reason `balance`, until a look finds it filled: the vendor
    need not refuse first. Where the balance cannot be known, everything stays as it was.

    Upkeep has it `look` every `every` seconds. Raises SettingsError for a threshold of an instance that does
    not exist or cannot say its balance.
    """

    def __init__(self, instances: Iterable[Guarded], settings: BalanceGuardSettings) -> None:
        self.every = settings.every
        self._settings = settings
        self._instances = [each for each in instances if isinstance(each.provider, HasBalance)]
        self._low: set[str] = set()
        self._silent: set[str] = set()
        known = [DEFAULT, *(each.name for each in self._instances)]
        for key, table in (("warn_below", settings.warn_below), ("empty_below", settings.empty_below)):
            for name in table:
                if name not in known:
                    raise SettingsError(
                        f"`{name}` is no provider instance that can say its balance",
                        field=f"policies.balance_guard.{key}",
                        remedy=nearest(name, known),
                    )

    async def look(self) -> None:
        """Ask all of them once, at the same time. Raises nothing."""
        await asyncio.gather(*map(self._look_at, self._instances))

    async def _look_at(self, instance: Guarded) -> None:
        provider, name = instance.provider, instance.name
        assert isinstance(provider, HasBalance)  # noqa: S101 - the others were left out, for the type checker
        found: object
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                found = await provider.balance()
        except Exception as error:  # noqa: BLE001 - a stranger's bug must not end the looking
            found = type(error).__name__
        if isinstance(found, Balance):
            self._silent.discard(name)
            self._judge(instance, found)
        elif name not in self._silent:
            self._silent.add(name)
            why = str(found.reason) if isinstance(found, Outcome) else str(found)
            _log.warning("balance_unknown", provider=name, why=why)

    def _judge(self, instance: Guarded, balance: Balance) -> None:
        name, left = instance.name, {"left": balance.amount, "unit": balance.unit}
        empty = balance.amount < _threshold(self._settings.empty_below, name)
        low = empty or balance.amount < _threshold(self._settings.warn_below, name)
        if low and name not in self._low:
            _log.warning("balance_low", provider=name, **left)
        (self._low.add if low else self._low.discard)(name)
        if empty and not instance.breaker.held:
            instance.breaker.hold(Reason.BALANCE)
            _log.error("balance_empty", provider=name, **left)
        elif not empty and instance.breaker.held:
            instance.breaker.release()
            _log.info("balance_filled", provider=name, **left)


def _threshold(table: Mapping[str, float], name: str) -> float:
    return table.get(name, table.get(DEFAULT, float("-inf")))
