"""Suppressions: who puts an address on the ledger's suppression list, and how.

A person by an opt-out word, a vendor by refusing a number that is on its own blacklist, the application
and its operators by name. Who is on the list is asked before every message: `policies/suppression_list.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from notifyhub.category import Category
from notifyhub.errors import NotificationError, nearest
from notifyhub.ledger import Ledger, Suppression
from notifyhub.log import get_logger
from notifyhub.message import EMAIL, SMS, normalise_address
from notifyhub.outcome import Attempt, Reply
from notifyhub.policies.opt_out import OptOutWords
from notifyhub.settings import Settings

__all__ = ["Suppressions", "suppression"]

_log = get_logger("notifyhub.suppressions")


class Suppressions:
    """Puts addresses on the list. The same entry twice is one entry.

    What people and vendors say is heeded as `[policies.suppression_list]` says; without that table it is not.

    Raises SettingsError for an opt-out word that is none.
    """

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self._ledger = ledger
        self._country = settings.default_country
        table = settings.policies.suppression_list
        self._opt_out_words = OptOutWords(table.opt_out_words if table is not None else ())
        self._opt_out_categories = table.opt_out_categories if table is not None else ()
        self._heeds_vendors = table is not None and table.vendor_blacklist

    async def add(
        self,
        address: str,
        *,
        channel: str | None,
        category: Category | str | None,
        instance: str | None,
        reason: str,
        source: str,
        until: datetime | None,
    ) -> Suppression:
        """Put an address on the list; see `suppression`. Returns the entry that is there now.

        Raises InvalidAddress, LedgerUnavailable, NotificationError where a word is wrong or `until` is past.
        """
        now = datetime.now(UTC)
        entry = suppression(
            address, channel=channel, category=category, instance=instance,
            reason=reason, source=source, since=now, until=until, default_country=self._country,
        )  # fmt: skip
        if entry.until is not None and entry.until <= now:
            raise NotificationError("is past", field="until", remedy="give a time to come, or none")
        return await self._ledger.suppress(entry)

    async def find(
        self, address: str | None, *, channel: str | None = None, lifted: bool = False, limit: int = 100
    ) -> Sequence[Suppression]:
        """See `Hub.suppressions`. Raises InvalidAddress, LedgerUnavailable."""
        if address is not None:
            address = _normalised(address, channel, self._country)
        return await self._ledger.suppressions(address=address, lifted=lifted, limit=limit)

    async def heed(self, reply: Reply) -> None:
        """Put a number on the list whose reply is an opt-out word, whichever message it answers, if any.

        Harmless when the reply comes again. Raises LedgerUnavailable: then it must come again.
        """
        if not self._opt_out_categories or reply.text not in self._opt_out_words:
            return
        for category in self._opt_out_categories:
            # No channel: who wants no more advertisements wants none read out by a voice either.
            entry = Suppression(
                reply.address, "opted out", "reply", since=datetime.now(UTC), category=category
            )
            await self._ledger.suppress(entry)
        _log.info("opted_out", provider=reply.provider, categories=list(self._opt_out_categories))

    async def heed_vendor(self, attempt: Attempt) -> None:
        """Put a number that a vendor has on its own blacklist on the list, for that instance only.

        Raises nothing. What could not be kept is noted when the vendor refuses the number the next time.
        """
        if not self._heeds_vendors:
            return
        code, instance = attempt.outcome.code, attempt.provider
        source = "vendor" if code is None else f"vendor {code}"
        try:
            delivery = await self._ledger.get(attempt.delivery_id)
            if delivery is None or not delivery.address:  # erased meanwhile: there is nobody left to protect
                return
            entry = Suppression(
                delivery.address, "on the vendor's blacklist", source, datetime.now(UTC), instance=instance
            )
            await self._ledger.suppress(entry)
        except Exception as error:  # noqa: BLE001 - the refusal is to be recorded, whatever becomes of the list
            _log.warning(
                "vendor_blacklist_not_kept",
                delivery=attempt.delivery_id,
                provider=instance,
                error=type(error).__name__,
            )
        else:
            _log.info("vendor_blacklist_kept", delivery=attempt.delivery_id, provider=instance, code=code)


def suppression(
    address: str,
    *,
    channel: str | None = None,
    category: Category | str | None = None,
    instance: str | None = None,
    reason: str,
    source: str,
    since: datetime,
    until: datetime | None = None,
    default_country: str = "CN",
) -> Suppression:
    """An entry as people write it, checked and in its one writing.

    address: without a channel a phone number or, with an @, a mail address. reason, source: brought on one
    line, without control characters. since, until: aware. Raises InvalidAddress, and NotificationError for
    anything else that is wrong.
    """
    if category is not None and category not in list(Category):
        raise NotificationError("unknown category", field="category", remedy=nearest(str(category), Category))
    for field, time in (("since", since), ("until", until)):
        if time is not None and time.tzinfo is None:
            raise NotificationError("has no time zone", field=field, remedy="use datetime.now(UTC) + …")
    return Suppression(
        _normalised(address, channel, default_country),
        reason=_line(reason, "reason", "say why, in words"),
        source=_line(source, "source", "say who put it there"),
        since=since,
        channel=None if channel is None else _line(channel, "channel", "name one, or leave it out"),
        category=None if category is None else Category(category),
        instance=None if instance is None else _line(instance, "instance", "name one, or leave it out"),
        until=until,
    )


def _normalised(address: str, channel: str | None, default_country: str) -> str:
    return normalise_address(channel or (EMAIL if "@" in address else SMS), address, default_country)


def _line(words: str, field: str, remedy: str) -> str:
    # What a terminal would do something with does not belong into a list that people look at.
    line = " ".join("".join(c for c in words if c.isprintable() or c.isspace()).split())
    if not line:
        raise NotificationError("is empty", field=field, remedy=remedy)
    return line
