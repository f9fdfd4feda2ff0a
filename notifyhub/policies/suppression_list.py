"""SuppressionList: addresses that get nothing, or nothing of some categories."""

from __future__ import annotations

from collections.abc import Iterable

from notifyhub.category import Category
from notifyhub.ledger import Suppression
from notifyhub.message import Message, Recipient
from notifyhub.policies.at_once import AtOnce
from notifyhub.policy import ALLOW, Decision, Suppress

__all__ = ["SuppressionList"]


class SuppressionList(AtOnce):
    """Suppresses messages to addresses on one of two lists; either suffices, neither overrules the other.

    - Its own: the `addresses` given here, all of them for `categories`. They are a part of the settings: no
      reply, no vendor and no command changes them.
    - The ledger's, which all workers share. Each entry says for itself for which channel, category and
      instance it holds, and until when; `categories` does not limit it. People put addresses there by an
      opt-out word, vendors by refusing a number, the application and its operators by `hub.suppress` and
      `notifyhub suppress` (`Suppressions`). An entry for an instance passes that one over; with none left
      of the route the message is suppressed.

    Having this policy at all is what makes a hub ask the ledger's list (`Pipeline`).

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
        """Put an address on its own list. Raises InvalidAddress."""
        self._addresses.add(self._normal(address))

    def remove(self, address: str) -> None:
        """Take an address off its own list; one that is not on it is no error. Raises InvalidAddress."""
        self._addresses.discard(self._normal(address))

    def __contains__(self, address: str) -> bool:
        return self._normal(address) in self._addresses

    def __len__(self) -> int:
        return len(self._addresses)

    def decide_at_once(self, message: Message) -> Decision:
        """Suppress if the address is on its own list and the category is one of those listed."""
        if message.to in self._addresses and (
            self._categories is None or message.category in self._categories
        ):
            return Suppress("the address is on the suppression list")
        return ALLOW

    def listed(self, entry: Suppression) -> Decision:
        """What follows where the ledger's list has an entry for a message, or for each of its instances."""
        whose = "" if entry.instance is None else f" for {entry.instance}, and no instance is left"
        return Suppress(f"the address is on the suppression list{whose} ({entry.reason}, by {entry.source})")

    def _normal(self, address: str) -> str:
        recipient = Recipient.parse(address, self._default_country)
        return recipient.addresses[recipient.channels[0]]
