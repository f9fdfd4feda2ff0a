"""The balance guard: who is told, and who is not asked any more."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from notifyhub import Hub
from notifyhub.errors import SettingsError
from notifyhub.outcome import Outcome
from notifyhub.policies import BalanceGuard
from notifyhub.providers import Balance
from notifyhub.reason import Reason
from notifyhub.routing import Instance
from notifyhub.settings import BalanceGuardSettings
from notifyhub.testing import RecordingProvider
from tests.policies.messages import Vendor

SETTINGS = BalanceGuardSettings(warn_below={"default": 100}, empty_below={"default": 1})


def left(amount: float) -> Balance:
    return Balance(amount=amount, unit="messages")


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.split()[0] for line in caplog.messages if line.startswith("balance_")]


def test_told_once_a_crossing(caplog: pytest.LogCaptureFixture) -> None:
    """Low is told once, empty is told once; filled and low again is told again."""
    caplog.set_level(logging.INFO)
    vendor = Vendor()
    guard = BalanceGuard([Instance("a", "recording", vendor)], SETTINGS)
    for amount in (500, 99, 50, 0, 0, 500, 99):
        vendor.left = left(amount)
        asyncio.run(guard.look())
    assert events(caplog) == ["balance_low", "balance_empty", "balance_filled", "balance_low"]
    assert "left=99" in caplog.messages[0]


@pytest.mark.parametrize("said", [Outcome.not_sent(), Outcome.refused(Reason.CREDENTIALS), OSError("secret")])
def test_an_error_changes_nothing(said: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Where the balance cannot be known, an empty instance stays out and another stays in; told once."""
    for amount, held in ((0, True), (500, False)):
        vendor = Vendor()
        instance = Instance("a", "recording", vendor)
        guard = BalanceGuard([instance], SETTINGS)
        vendor.left = left(amount)
        asyncio.run(guard.look())
        vendor.left = said
        for _ in range(2):
            asyncio.run(guard.look())
        assert instance.breaker.held is held
    assert events(caplog).count("balance_unknown") == 2
    assert "secret" not in caplog.text


def test_thresholds_by_instance() -> None:
    """An instance has thresholds of its own, or those of all; a name that nobody has is refused."""
    instances = [Instance(name, "recording", Vendor(name)) for name in ("a", "b")]
    table = BalanceGuardSettings(empty_below={"default": 1, "a": 5000})
    asyncio.run(BalanceGuard(instances, table).look())
    assert [instance.breaker.held for instance in instances] == [True, False]
    with pytest.raises(SettingsError, match="`c` is no provider instance that can say its balance"):
        BalanceGuard(instances, BalanceGuardSettings(warn_below={"c": 1}))


def test_an_empty_account_is_not_asked() -> None:
    """An empty account is passed over before its vendor has to refuse, and asked again once it is filled."""

    async def story() -> None:
        empty, other = Vendor("empty"), RecordingProvider("other")
        empty.left = left(0)
        settings = {"policies": {"balance_guard": {"every": 3600}}}
        async with Hub(settings, providers={"empty": empty, "other": other}) as hub:
            guard: Any = hub._guard
            await guard.look()
            sent = await hub.send(text="words", to="13800138000")
            assert (sent.provider, empty.messages) == ("other", ())
            assert "breaker: empty skipped, open for balance" in sent.explain()
            empty.left = left(500)
            await guard.look()
            assert (await hub.send(text="more", to="13800138000")).provider == "empty"

    asyncio.run(story())


def test_it_looks_by_itself() -> None:
    """With the first send the looking begins, in whatever ledger, and ends with the hub."""

    async def story() -> None:
        empty, other = Vendor("empty"), RecordingProvider("other")
        empty.left = left(0)
        settings = {"policies": {"balance_guard": {"every": 3600}}}
        async with Hub(settings, providers={"empty": empty, "other": other}) as hub:
            await hub.send(text="words", to="13800138000")
            for _ in range(100):
                if hub.registry.instance("empty").breaker.held:
                    break
                await asyncio.sleep(0.01)
            assert hub.registry.instance("empty").breaker.held

    asyncio.run(story())
