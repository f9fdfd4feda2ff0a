"""Hub: the front door. It says nothing itself: each stage of a notification's life is a line of `send`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Self

from notifyhub.category import Category, DeliveryPolicy
from notifyhub.composer import Composer
from notifyhub.delivery import Courier
from notifyhub.errors import UnknownDelivery, UnsupportedOperation
from notifyhub.inbox import Inbox
from notifyhub.ledger import Ledger, MemoryLedger
from notifyhub.log import get_logger
from notifyhub.message import Message, Notification, Recipient
from notifyhub.outcome import Attempt, Delivery, Outcome, Status
from notifyhub.plugins import Plugins
from notifyhub.policies import Deduplicate, Pipeline, SuppressionList
from notifyhub.policy import Policy
from notifyhub.providers import Balance, HasBalance, Provider, Push, PushAnswer
from notifyhub.registry import Registry
from notifyhub.routing import Path, Router
from notifyhub.settings import Settings, load_settings, settings_from

if TYPE_CHECKING:
    from notifyhub.template import Catalog

__all__ = ["Hub"]

_log = get_logger("notifyhub.hub")


class Hub:
    """Sends notifications. Use it as an async context manager, or call `aclose` at the end.

    settings: a Settings, or the same tables as in notifyhub.toml. Without any, and without providers,
        everything goes to the console.
    providers: finished instances by name, after those of the settings.
    policies: asked after the stock ones that the settings switch on, before the plugins'.
    templates: folders of notices, before those of the settings and of plugins.
    plugins: the plugins to use; by default what is installed and not blocked.
    ledger: where deliveries are remembered; by default in memory.

    Raises ConfigurationError where the settings, a plugin or a notice folder is wrong.
    """

    def __init__(
        self,
        settings: Settings | Mapping[str, Any] | None = None,
        *,
        providers: Mapping[str, Provider] | None = None,
        policies: Sequence[Policy] = (),
        templates: Sequence[str | FilePath] = (),
        plugins: Plugins | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.settings = settings if isinstance(settings, Settings) else settings_from(settings or {})
        self.plugins = plugins or Plugins(block=self.settings.plugins.block)
        self.registry = Registry(self.settings, self.plugins.provider_types(), providers)
        self.router = Router(self.registry.instances, self.settings.routes)
        own = [FilePath(folder) for folder in templates]
        folders = [*own, *(self.settings.folder / folder for folder in self.settings.templates)]
        self._composer = Composer(self.settings, self.plugins, folders)
        stock = _stock_policies(self.settings)
        self._policies = Pipeline([*stock, *policies, *self.plugins.policies(self.settings)])
        self._ledger: Ledger = ledger or MemoryLedger()
        self._inbox = Inbox(self._ledger, self.plugins)
        self._courier = Courier(self._attempt_finished, self._finish)
        self._delivery_policies = {c: self.settings.delivery_policy(c) for c in Category}

    @classmethod
    def from_settings(cls, path: str | FilePath | None = None, **options: Any) -> Self:
        """A hub from `notifyhub.toml`: the file given, else the nearest upwards from the working directory.

        options: the other arguments of `Hub`. Raises ConfigurationError.
        """
        return cls(load_settings(path), **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the providers and the ledger. Twice is harmless."""
        await self.registry.aclose()
        await self._ledger.aclose()

    async def send(
        self,
        notice: str | Notification | None = None,
        *,
        to: str | Recipient | None = None,
        data: Mapping[str, Any] | None = None,
        text: str | None = None,
        channel: str | None = None,
        category: Category | str | None = None,
        locale: str | None = None,
        key: str | None = None,
        expires_at: datetime | None = None,
        delivery: DeliveryPolicy | None = None,
    ) -> Delivery:
        """Send now, and say what became of it. The arguments are those of `Notification`, or give one.

        Returns a Delivery for whatever the world did; look at its status, or `raise_for_status()`.
        Raises NotificationError for a request that cannot be (unknown notice, wrong variable, bad
        address, reused key) and ConfigurationError where nothing is set up to carry it.
        """
        asked = self._composer.notification({
            "notice": notice, "to": to, "data": data, "text": text, "channel": channel, "category": category,
            "locale": locale, "key": key, "expires_at": expires_at, "delivery": delivery,
        })  # fmt: skip
        message, steps = self._composer.compose(asked)
        path = self.router.route(message)
        fingerprint = "" if asked.key is None else _fingerprint(message)
        opened = await self._ledger.open(_opening(asked, message, steps), fingerprint)
        if opened.id != message.id:
            return opened  # the same request under the same key: the first delivery stands for both
        allowed = await self._policies.ask(opened, message) if self._policies.policies else opened
        if _log.wants(logging.DEBUG):
            _log_stages(message, allowed, path)
        if allowed.status is not Status.SENDING:
            return await self._record(allowed)
        policy = asked.delivery or self._delivery_policies[message.category]
        sent = await self._courier.deliver(allowed, message, path, policy)
        return await self._finish(message, sent)

    def preview(self, notice: str | Notification | None = None, **arguments: Any) -> Message:
        """The message that `send` with these arguments would give to a provider; nothing is sent.

        Raises what `send` raises.
        """
        return self._composer.compose(self._composer.notification({"notice": notice, **arguments}))[0]

    @property
    def catalog(self) -> Catalog:
        """The notices this hub can send. Raises TemplateError where one of them is broken."""
        return self._composer.renderer.catalog

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies, in the order they are asked."""
        return self._policies.policies

    async def delivery(self, delivery_id: str) -> Delivery:
        """The newest state of a delivery. Raises UnknownDelivery."""
        found = await self._ledger.get(delivery_id)
        if found is None:
            raise UnknownDelivery("no such delivery", field="delivery_id")
        return found

    async def receive_push(self, instance: str, push: Push | Mapping[str, Any]) -> PushAnswer:
        """Take what a vendor pushed to the application, and return the status and body to answer it with.

        instance: the provider instance whose URL it came to. push: method, headers, body bytes, and the
        form fields where the web framework has parsed them already.
        Raises SettingsError for an unknown instance, UnsupportedOperation where it reads no pushes.
        """
        return await self._inbox.receive(self.registry.instance(instance), push)

    async def balance(self, instance: str) -> Balance | Outcome:
        """What is left on an instance's account, or the Outcome that says why it cannot be known.

        Raises SettingsError for an unknown instance, UnsupportedOperation where it has no balance.
        """
        provider = self.registry.instance(instance).provider
        if not isinstance(provider, HasBalance):
            raise UnsupportedOperation(f"`{instance}` has no balance to ask for", field="instance")
        return await provider.balance()

    async def _finish(self, message: Message, delivery: Delivery) -> Delivery:
        kept = await self._record(delivery)
        if self._policies.settling:
            await self._policies.settle(message, kept)
        return kept

    async def _record(self, delivery: Delivery) -> Delivery:
        kept = await self._ledger.record(delivery)
        if _log.wants(logging.INFO):
            _log.info(
                "delivery_changed",
                delivery=kept.id, status=kept.status, notice=kept.notice, category=kept.category,
                provider=kept.provider, provider_message_id=kept.provider_message_id, reason=kept.reason,
                attempts=len(kept.attempts),
            )  # fmt: skip
        for receipt in kept.receipts:  # those that came before the submission was answered
            await self.plugins.tell("notifyhub_receipt_received", receipt=receipt)
        if self.plugins.observes("notifyhub_delivery_changed"):
            await self.plugins.tell("notifyhub_delivery_changed", delivery=kept)
        return kept

    def _attempt_finished(self, attempt: Attempt) -> Awaitable[None] | None:
        outcome = attempt.outcome
        if _log.wants(logging.INFO):
            _log.info(
                "attempt_finished",
                delivery=attempt.delivery_id, attempt=attempt.number, provider=attempt.provider,
                outcome=outcome.kind, reason=outcome.reason, code=outcome.code,
                provider_message_id=outcome.provider_message_id, elapsed_ms=round(attempt.elapsed_ms),
                allowed=attempt.allowed,
            )  # fmt: skip
        if not self.plugins.observes("notifyhub_attempt_finished"):
            return None
        return self.plugins.tell("notifyhub_attempt_finished", attempt=attempt)


def _log_stages(message: Message, delivery: Delivery, path: Path) -> None:
    """The stages before the first attempt, for whoever reads the log at DEBUG."""
    _log.debug(
        "notification_composed",
        delivery=delivery.id, notice=message.notice, channel=message.channel, locale=message.locale,
        category=message.category, variables=len(message.variables), characters=len(message.text),
    )  # fmt: skip
    order = [instance.name for instance in path.instances]
    _log.debug("route_found", delivery=delivery.id, route=path.route.name, order=order)
    _log.debug("policies_asked", delivery=delivery.id, status=delivery.status, why=delivery.detail)


def _stock_policies(settings: Settings) -> list[Policy]:
    policies: list[Policy] = []
    listed, repeated = settings.policies.suppression_list, settings.policies.deduplicate
    if listed is not None:
        country = settings.default_country
        policies.append(
            SuppressionList(listed.addresses, categories=listed.categories, default_country=country)
        )
    if repeated is not None:
        policies.append(Deduplicate(repeated.window))
    return policies


def _opening(asked: Notification, message: Message, steps: tuple[str, ...]) -> Delivery:
    return Delivery(
        id=message.id,
        status=Status.SENDING,
        channel=message.channel,
        category=message.category,
        address=message.to,
        notice=message.notice,
        locale=message.locale,
        key=asked.key,
        steps=steps,
    )


def _fingerprint(message: Message) -> str:
    """Tells one request from another under the same key: the address and the words, hashed."""
    parts = (message.channel, message.to, message.notice, message.category, message.subject, message.text)
    return hashlib.sha256(repr(parts).encode()).hexdigest()
