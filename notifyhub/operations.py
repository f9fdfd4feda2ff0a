"""Operations: what people on call, and the code that stands in for them, do with a hub besides sending."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from notifyhub.category import Category
from notifyhub.chain import Chains
from notifyhub.errors import SettingsError, UnknownDelivery, UnsupportedOperation
from notifyhub.ledger import Ledger, Suppression
from notifyhub.outcome import Delivery, Outcome
from notifyhub.policies import Pipeline, SuppressionList
from notifyhub.postbox import Postbox
from notifyhub.postmaster import Postmaster
from notifyhub.providers import Balance, HasBalance
from notifyhub.registry import Registry
from notifyhub.resolution import Verdict, resolve
from notifyhub.suppressions import Suppressions

__all__ = ["Operations"]


class Operations:
    """The part of a `Hub` that looks after deliveries, addresses and accounts.

    ledger: where deliveries are kept. registry: the provider instances.
    """

    ledger: Ledger
    registry: Registry
    _chains: Chains
    _policies: Pipeline
    _postbox: Postbox
    _postmaster: Postmaster
    _suppressions: Suppressions

    async def delivery(self, delivery_id: str) -> Delivery:
        """The newest state of a delivery. Raises UnknownDelivery."""
        found = await self.ledger.get(delivery_id)
        if found is None:
            raise UnknownDelivery("no such delivery", field="delivery_id")
        return found

    async def cancel(self, delivery_id: str | None = None, *, key: str | None = None) -> Delivery:
        """Cancel what is queued, by its id or its key. Raises UnknownDelivery, WrongState once under way."""
        return await self._postbox.cancel(delivery_id, key)

    async def acknowledge(self, delivery_id: str, *, by: str) -> Delivery:
        """Somebody has taken notice: what would still follow the delivery is cancelled. Twice is harmless.

        delivery_id: its own, or that of any that follows it. by: who, kept with it; no address. Returns it.
        Raises UnknownDelivery, NotificationError without a name, LedgerUnavailable.
        """
        return await self._chains.acknowledge(delivery_id, by)

    async def resolve(
        self, delivery_id: str, verdict: Verdict | str, *, why: str, by: str = "the application"
    ) -> tuple[Delivery, Delivery | None]:
        """Say what became of an `unknown` or `dead` delivery: `delivered`, `failed`, or `resend`.

        Returns it, and the new delivery where it is sent again. Raises as `resolution.resolve`.
        """
        former, again = await resolve(
            self.ledger, delivery_id, verdict, why=why, by=by, policy_of=self._postmaster.policy_of
        )
        for changed in (former, again):
            if changed is not None:
                await self._postbox.announce(changed)
        return former, again

    async def balance(self, instance: str) -> Balance | Outcome:
        """What is left on an instance's account, or the Outcome that says why it cannot be known.

        Raises SettingsError for an unknown instance, UnsupportedOperation where it has no balance.
        """
        provider = self.registry.instance(instance).provider
        if not isinstance(provider, HasBalance):
            raise UnsupportedOperation(f"`{instance}` has no balance to ask for", field="instance")
        return await provider.balance()

    async def suppress(
        self,
        address: str,
        *,
        channel: str | None = None,
        category: Category | str | None = None,
        instance: str | None = None,
        reason: str,
        source: str = "application",
        until: datetime | None = None,
    ) -> Suppression:
        """Send nothing more to an address: to the suppression list with it. The entry that is there now.

        address: a phone number or mail address in any usual writing; another one needs its `channel`.
        channel, category, instance: only for these; None for all, **codes included**. reason: in words,
        `complained by mail`. until: aware; when it ends by itself.
        Raises InvalidAddress, NotificationError for another wrong argument, LedgerUnavailable, and
        SettingsError for an unknown instance or without `[policies.suppression_list]`: nobody would look.
        """
        if not any(isinstance(policy, SuppressionList) for policy in self._policies.policies):
            raise SettingsError(
                "is not set, so nobody would look at the list",
                field="policies.suppression_list",
                remedy="add the table to the settings; it may be empty",
            )
        if instance is not None:
            self.registry.instance(instance)
        return await self._suppressions.add(
            address, channel=channel, category=category, instance=instance,
            reason=reason, source=source, until=until,
        )  # fmt: skip

    async def unsuppress(self, entry_id: str, *, by: str = "application") -> Suppression:
        """Take an entry off the suppression list. It stays visible, with who lifted it and when.

        Raises UnknownSuppression, LedgerUnavailable.
        """
        return await self.ledger.lift(entry_id, by)

    async def suppressions(
        self,
        address: str | None = None,
        *,
        channel: str | None = None,
        lifted: bool = False,
        limit: int = 100,
    ) -> Sequence[Suppression]:
        """The suppression list, the newest first; or what it has of one address.

        channel: as for `suppress`, to read the address by. lifted: also what was lifted or has ended.
        Raises InvalidAddress, LedgerUnavailable.
        """
        return await self._suppressions.find(address, channel=channel, lifted=lifted, limit=limit)
