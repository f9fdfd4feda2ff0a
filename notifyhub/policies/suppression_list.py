"""SuppressionList: addresses that get nothing, or nothing of some categories."""

from __future__ import annotations

from collections.abc import Iterable

from notifyhub.category import Category
from notifyhub.message import Message, Recipient
from notifyhub.policy import ALLOW, Decision, Suppress

__all__ = ["SuppressionList"]


class SuppressionList:
    """Suppresses messages to the addresses on it. In memory.

    addresses: phone numbers and mail addresses in any usual writing.
    categories: only messages of these are suppressed; None for all of them.

    Raises InvalidAddress for an entry that is no address.
    """

    name = "suppression_list"

    def __init__(
        self,
        addresses: Iterable[str] = (),
        *,
        categories: Iterable[Category | str] | None = None,
        default_country: str = "CN",
    ) -> None:
        self._default_country = default_country
        self._categories = None if categories is None else frozenset(Category(c) for c in categories)
        self._addresses: set[str] = set()
        for address in addresses:
            self.add(address)

    def add(self, address: str) -> None:
        """Put an address on the list. Raises InvalidAddress."""
        self._addresses.add(self._normal(address))

    def remove(self, address: str) -> None:
        """Take an address off the list; one that is not on it is no error. Raises InvalidAddress."""
        self._addresses.discard(self._normal(address))

    def __contains__(self, address: str) -> bool:
        return self._normal(address) in self._addresses

    def __len__(self) -> int:
        return len(self._addresses)

    async def decide(self, message: Message) -> Decision:
        """Suppress if the address is on the list and the category is one of those listed."""
        if message.to in self._addresses and (
            self._categories is None or message.category in self._categories
        ):
            return Suppress("the address is on the suppression list")
        return ALLOW

    def _normal(self, address: str) -> str:
        recipient = Recipient.parse(address, self._default_country)
        return recipient.addresses[recipient.channels[0]]
