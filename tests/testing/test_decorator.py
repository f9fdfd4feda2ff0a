"""A provider in at most fifteen lines, used in each way it can be."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from notifyhub import Hub, Message, Outcome, Plugins, Provider, SettingsError, Status, SyncHub, provider
from notifyhub.testing import Gateway, ProviderContract

SENT: list[Message] = []


@provider("pigeon", channels={"sms"})
async def pigeon(message: Message) -> Outcome:
    """Carrier pigeons, one at a time."""
    SENT.append(message)
    return Outcome.accepted(f"ring-{len(SENT)}")


class TestPigeon(ProviderContract):
    """The decorated function keeps every promise of a provider."""

    provider_type = pigeon.type
    network = False


class TestFinishedPigeon(ProviderContract):
    """And so does the instance it is."""

    provider_type = pigeon.type
    network = False

    def make(self, gateway: Gateway) -> Provider:
        return pigeon


class LoftSettings(BaseModel):
    """Settings of a pigeon with a loft."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    loft: str
    whistle_key: SecretStr


@provider("loft", channels={"sms", "voice"}, settings=LoftSettings)
async def lofty(message: Message, settings: LoftSettings) -> Outcome:
    """A pigeon with settings."""
    return Outcome.accepted(f"{settings.loft}-{message.id[-8:]}")


class TestLoft(ProviderContract):
    """A decorated function with settings keeps them too."""

    provider_type = lofty.type
    network = False

    def settings(self, gateway: Gateway) -> dict[str, Any]:
        return {"loft": "north", "whistle_key": "two-short-one-long"}


def test_a_finished_instance_sends() -> None:
    """`Hub(providers={"sms": pigeon})` sends through it."""
    SENT.clear()

    async def scene() -> None:
        async with Hub(providers={"sms": pigeon}) as hub:
            delivery = await hub.send(text="hello", to="+8613800138000")
        assert (delivery.status, delivery.provider, delivery.provider_message_id) == (
            Status.ACCEPTED, "sms", "ring-1"
        )  # fmt: skip
        assert SENT[0].text == "hello"

    asyncio.run(scene())


def test_a_type_in_settings_sends() -> None:
    """`Plugins().register(pigeon)` makes `type = "pigeon"` a type for the settings."""
    plugins = Plugins()
    plugins.register(pigeon)
    plugins.register(lofty)
    tables = {
        "providers": {
            "one": {"type": "loft", "loft": "north", "whistle_key": "two-short-one-long"},
            "two": {"type": "loft", "loft": "south", "whistle_key": "one-long-two-short"},
            "three": {"type": "pigeon"},
        },
        "routes": [{"providers": ["two"], "category": "otp"}, {"providers": ["one", "three"]}],
    }
    with SyncHub(tables, plugins=plugins) as hub:
        first = hub.send(text="hello", to="+8613800138000")
        second = hub.send(text="hello", to="+8613800138000", category="otp")
    assert (first.provider, second.provider) == ("one", "two")
    assert (first.provider_message_id or "").startswith("north-")
    assert (second.provider_message_id or "").startswith("south-")
    assert [attempt.provider_type for attempt in first.attempts] == ["loft"]


def test_wrong_settings_are_named() -> None:
    """An unknown key of a decorated provider's settings is refused by name."""
    plugins = Plugins()
    plugins.register(pigeon)
    with pytest.raises(SettingsError, match=r"providers\.sms\.lofft"):
        Hub({"providers": {"sms": {"type": "pigeon", "lofft": "north"}}}, plugins=plugins)


def test_it_is_short() -> None:
    """The whole provider is at most fifteen lines."""
    assert len(inspect.getsource(pigeon._send).splitlines()) <= 15
