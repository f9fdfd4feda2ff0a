"""Plugins: three ways in, names that clash are told apart, and an observer hurts nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from pydantic import BaseModel

from notifyhub import (
    Hub,
    Message,
    Outcome,
    PluginError,
    Plugins,
    ProviderType,
    SettingsError,
    hookimpl,
    provider,
)
from notifyhub.category import Category
from notifyhub.dispatch import DispatcherType, EmbeddedDispatcher
from notifyhub.providers import Capabilities


class PigeonSettings(BaseModel):
    loft: str = "north"


class Pigeon:
    def __init__(self, name: str, settings: PigeonSettings) -> None:
        self.name = name
        self.loft = settings.loft
        self.capabilities = Capabilities(channels=frozenset({"sms"}))

    async def send(self, message: Message) -> Outcome:
        return Outcome.accepted(f"{self.loft}-1")

    async def aclose(self) -> None:
        pass


PIGEON = ProviderType(name="pigeon", channels=frozenset({"sms"}), settings=PigeonSettings, build=Pigeon)


class Bringing:
    @hookimpl
    def notifyhub_provider_types(self) -> Iterable[ProviderType]:
        return [PIGEON]


@provider("paper", channels={"sms"})
async def paper(message: Message) -> Outcome:
    """Folds it."""
    return Outcome.accepted("paper-1")


def send(hub: Hub) -> str | None:
    async def story() -> str | None:
        async with hub:
            return (await hub.send(text="hello", to="13800138000")).provider_message_id

    return asyncio.run(story())


def bare(*plugins: object) -> Plugins:
    registered = Plugins(discover=False)
    for plugin in plugins:
        registered.register(plugin)
    return registered


@pytest.mark.parametrize("plugin", [Bringing(), PIGEON])
def test_registered(plugin: object) -> None:
    """A plugin registered in code, or a bare provider type, serves `type = "…"` in settings."""
    settings = {"providers": {"a": {"type": "pigeon", "loft": "south"}}}
    assert send(Hub(settings, plugins=bare(plugin))) == "south-1"


def test_finished_instance() -> None:
    """A finished instance needs no plugin and no settings."""
    hub = Hub(providers={"mine": Pigeon("mine", PigeonSettings())}, plugins=bare())
    assert send(hub) == "north-1"


def test_decorated_function() -> None:
    """A decorated function is both: a finished instance and a plugin."""
    assert send(Hub(providers={"sms": paper}, plugins=bare())) == "paper-1"
    assert send(Hub({"providers": {"p": {"type": "paper"}}}, plugins=bare(paper))) == "paper-1"
    assert paper.type.summary == "Folds it."


def test_unknown_type() -> None:
    """A mistyped provider type is told with the nearest right one."""
    with pytest.raises(
        SettingsError, match=r"providers\.a\.type: unknown provider type `pidgeon`; did you mean `pigeon`"
    ):
        Hub({"providers": {"a": {"type": "pidgeon"}}}, plugins=bare(PIGEON))


def test_unknown_provider_key() -> None:
    """A mistyped key of an instance is told with its whole path and the nearest right one."""

    class Strict(PigeonSettings, extra="forbid"):
        pass

    for settings in (PigeonSettings, Strict):
        kind = ProviderType(name="pigeon", channels=frozenset({"sms"}), settings=settings, build=Pigeon)
        with pytest.raises(SettingsError, match=r"providers\.a\.loftt: unknown key; did you mean `loft`"):
            Hub({"providers": {"a": {"type": "pigeon", "loftt": "x"}}}, plugins=bare(kind))


def test_same_type_twice() -> None:
    """Two plugins that bring the same type are both named."""
    plugins = Plugins(discover=False)
    plugins.register(Bringing(), "first")
    plugins.register(Bringing(), "second")
    with pytest.raises(PluginError, match=r"plugins `(first|second)` and `(first|second)` both bring"):
        plugins.provider_types()


def test_unknown_hook() -> None:
    """An implementation of a hook that does not exist is refused when it is registered."""

    class Mistyped:
        @hookimpl
        def notifyhub_provider_typos(self) -> None:
            """No such hook."""

    with pytest.raises(PluginError, match="notifyhub_provider_typos"):
        bare(Mistyped())


def test_blocked() -> None:
    """A blocked plugin is not loaded."""
    assert "ihuyi" in Plugins().provider_types()
    assert "ihuyi" not in Plugins(block=["ihuyi"]).provider_types()


def test_observers_are_isolated() -> None:
    """Sync and async observers are told; one that raises changes nothing for the others or the message."""
    told: list[str] = []

    class Raising:
        @hookimpl
        def notifyhub_attempt_finished(self, attempt: object) -> None:
            raise RuntimeError("observer bug")

    class Sync:
        @hookimpl
        def notifyhub_attempt_finished(self, attempt: object) -> None:
            told.append("sync")

    class Async:
        @hookimpl
        async def notifyhub_attempt_finished(self, attempt: object) -> None:
            await asyncio.sleep(0)
            told.append("async")

        @hookimpl
        async def notifyhub_delivery_changed(self) -> None:
            told.append("changed")

    assert send(Hub(providers={"sms": paper}, plugins=bare(Sync(), Raising(), Async()))) == "paper-1"
    assert sorted(told) == ["async", "changed", "sync"]


def test_plugins_policies_and_context() -> None:
    """A plugin's policy is asked, and its render context fills variables that the data does not."""
    from notifyhub.policy import Suppress

    class Quiet:
        name = "quiet"

        async def decide(self, message: Message) -> Suppress:
            return Suppress("quiet")

    class Plugin:
        @hookimpl
        def notifyhub_policies(self, settings: object) -> list[Quiet]:
            return [Quiet()]

    async def story() -> str:
        async with Hub(providers={"sms": paper}, plugins=bare(Plugin())) as hub:
            return (await hub.send(text="x", to="13800138000", category=Category.OPS)).status

    assert asyncio.run(story()) == "suppressed"


def test_an_engine_of_our_own_cannot_be_replaced_by_its_name() -> None:
    """A plugin that brings a dispatch engine called as one of ours is refused, and both are named."""

    class Another:
        @hookimpl
        def notifyhub_dispatchers(self) -> list[DispatcherType]:
            return [DispatcherType(name="embedded", build=lambda context: EmbeddedDispatcher())]

    plugins = Plugins(discover=False)
    plugins.register(Another(), "another")
    with pytest.raises(PluginError, match="plugins `notifyhub` and `another` both bring the dispatch engine"):
        plugins.dispatcher_types()
