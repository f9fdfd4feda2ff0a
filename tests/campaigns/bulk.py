"""A provider plugin of the campaigns: the vendor's product for marketing, which the ihuyi adapter refuses.

On the wire it is the same gateway, so that one journal counts the copies of every category.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from notifyhub.category import Category
from notifyhub.hookspecs import hookimpl
from notifyhub.message import SMS, Message
from notifyhub.outcome import Outcome
from notifyhub.providers import ProviderType
from notifyhub_ihuyi.provider import IhuyiProvider
from notifyhub_ihuyi.settings import IhuyiSettings


class BulkProvider(IhuyiProvider):
    """Takes marketing, and tells the gateway nothing of that."""

    type_name = "bulk"

    def check(self, message: Message) -> Outcome | None:
        """As of an ordinary text."""
        return super().check(message.evolve(category=Category.ORDER))

    async def send(self, message: Message) -> Outcome:
        """As an ordinary text."""
        return await super().send(message.evolve(category=Category.ORDER))


def build(name: str, settings: Any) -> BulkProvider:
    """One account of the product."""
    return BulkProvider(name, settings)


@hookimpl
def notifyhub_provider_types() -> Iterable[ProviderType]:
    """The one type."""
    yield ProviderType(name="bulk", channels=frozenset({SMS}), settings=IhuyiSettings, build=build)
