"""The caps that the platform documents, as the provider declares them."""

from __future__ import annotations

from typing import Any

import pytest

from notifyhub.category import Category
from notifyhub.message import Message
from notifyhub_ihuyi.provider import IhuyiProvider
from notifyhub_ihuyi.settings import IhuyiSettings


def account(**settings: Any) -> IhuyiProvider:
    return IhuyiProvider("sms", IhuyiSettings(account="C00000001", api_key="k" * 32, **settings))


def names(category: str, **settings: Any) -> list[str]:
    """What a message takes of an account with these settings."""
    rules = account(**settings).capabilities.limits
    sent = Message(channel="sms", to="+8613800138000", text="words", category=Category(category))
    return [quota.name for rule in rules for quota in rule.quotas(sent)]


@pytest.mark.parametrize(
    ("category", "settings", "limits"),
    [
        ("otp", {}, ["1/1s", "5/day", "2/60s", "20/day"]),
        ("order", {}, ["1/1s", "2/60s", "20/day"]),
        ("otp", {"codes_per_day": 10, "per_second": 0}, ["10/day", "2/60s", "20/day"]),
        ("order", {"per_second": 0, "same_text_per_minute": 0, "same_text_per_day": 0}, []),
    ],
)
def test_the_documented_caps(category: str, settings: dict[str, Any], limits: list[str]) -> None:
    """One a second, 5 codes a day, the same text twice a minute, 20 times a day; or as the account says."""
    assert [name.rsplit(" ", 1)[1] for name in names(category, **settings)] == limits


def test_what_it_bills() -> None:
    """The parts it tells beforehand hold the signature that the platform adds."""
    provider = account(signature="互亿无线")
    sent = Message(channel="sms", to="+8613800138000", text="字" * 64)
    assert [provider.parts(each) for each in (sent, sent.evolve(text="字" * 65))] == [1, 2]
