"""Hub: the front door. It says nothing itself: each stage of a notification's life is a line of `send`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Self

from notifyhub.announcer import Announcer
from notifyhub.carrier import Carrier
from notifyhub.category import Category, DeliveryPolicy
from notifyhub.chain import Chains
from notifyhub.composer import Composer
from notifyhub.digest import Digests
from notifyhub.dispatch import Dispatcher
from notifyhub.escalation import Escalations
from notifyhub.health import HealthBoard
from notifyhub.inbox import Inbox
from notifyhub.intake import Intake
from notifyhub.ledger import Ledger
from notifyhub.message import Message, Notification, Recipient
from notifyhub.operations import Operations
from notifyhub.outcome import Delivery
from notifyhub.plugins import Plugins
from notifyhub.policies import BalanceGuard, Pipeline, stock_policies
from notifyhub.policy import Policy
from notifyhub.postbox import Postbox, ticket_of
from notifyhub.postmaster import Postmaster
from notifyhub.providers import Provider, Push, PushAnswer
from notifyhub.recorder import Recorder
from notifyhub.registry import Registry, dispatcher_from, ledger_from
from notifyhub.routing import Router, Rule, watched
from notifyhub.settings import Settings, load_settings, settings_from
from notifyhub.suppressions import Suppressions
from notifyhub.upkeep import Upkeep
from notifyhub.worker import Worker, WorkerCounts

if TYPE_CHECKING:
    from notifyhub.template import Catalog

__all__ = ["Hub"]


class Hub(Operations):
    """Sends notifications. Use it as an async context manager, or call `aclose` at the end.

    settings: a Settings, or the same tables as in notifyhub.toml. Without any, and without providers,
        everything goes to the console.
    providers: finished instances by name, after those of the settings.
    policies: asked after the stock ones that the settings switch on, before the plugins'.
    templates: folders of notices, before those of the settings and of plugins.
    rules: the application's own functions `(message) -> bool`, by the names that routes call them by.
    plugins: the plugins to use; by default what is installed and not blocked.
    ledger: where deliveries are remembered, instead of the settings' own (`[ledger]`, by default memory).

    Raises ConfigurationError where the settings, a plugin or a notice folder is wrong.
    """

    def __init__(
        self,
        settings: Settings | Mapping[str, Any] | None = None,
        *,
        providers: Mapping[str, Provider] | None = None,
        policies: Sequence[Policy] = (),
        templates: Sequence[str | FilePath] = (),
        rules: Mapping[str, Rule] | None = None,
        plugins: Plugins | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.settings = settings if isinstance(settings, Settings) else settings_from(settings or {})
        self.plugins = plugins or Plugins(block=self.settings.plugins.block)
        self.registry = Registry(self.settings, self.plugins.provider_types(), providers)
        self.ledger: Ledger = ledger or ledger_from(self.settings)
        self.health = HealthBoard(self.ledger, watched(self.settings.routes))
        routes = self.settings.routes
        self.router = Router(self.registry.instances, routes, rules=rules, health=self.health.condition)
        own = [FilePath(folder) for folder in templates]
        folders = [*own, *(self.settings.folder / folder for folder in self.settings.templates)]
        self._composer = Composer(self.settings, self.plugins, folders)
        stock = stock_policies(
            self.settings, {name: i.provider for name, i in self.registry.instances.items()}
        )
        self._policies = Pipeline([*stock, *policies, *self.plugins.policies(self.settings)], self.ledger)
        self._suppressions = Suppressions(self.ledger, self.settings)
        delivery_policies = {c: self.settings.delivery_policy(c) for c in Category}
        self._dispatcher: Dispatcher = dispatcher_from(self.settings, self.plugins.dispatcher_types())
        announcer = Announcer(self.plugins, self._suppressions.heed_vendor, self.health)
        self._postbox = Postbox(self.ledger, self._dispatcher, announcer)
        recorder = Recorder(self.ledger, self._postbox)
        self._postmaster = Postmaster(self.ledger, self._policies, recorder, announcer, delivery_policies)
        self._chains = Chains(self.ledger, self._postbox, self._postmaster.policy_of)
        self._inbox = Inbox(self.ledger, self.plugins, self._suppressions, self.health, self._chains)
        tables = self.settings.policies
        self._digests = Digests(tables.digests, self._composer, self.plugins, self.ledger, self._postbox)
        self._escalations = Escalations(
            tables.escalations, self._composer, self.router, self.registry.instances, delivery_policies
        )
        self._works = self.ledger.durable
        self._intake = Intake(
            self._composer,
            self.router,
            delivery_policies,
            self._digests,
            self._escalations,
            lambda: self._works,
        )
        guard = self.settings.policies.balance_guard
        self._guard = None if guard is None else BalanceGuard(self.registry.instances.values(), guard)
        self._upkeep = Upkeep(
            self.ledger,
            self._postmaster,
            recorder,
            self._postbox,
            self._escalations.route,
            self.health,
            self._guard,
        )

    @classmethod
    def from_settings(cls, path: str | FilePath | None = None, **options: Any) -> Self:
        """A hub from `notifyhub.toml`: the file given, else the nearest upwards from the working directory.

        options: the other arguments of `Hub`. Raises ConfigurationError.
        """
        return cls(load_settings(path), **options)

    async def __aenter__(self) -> Self:
        await self.ledger.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the providers and the ledger. Twice is harmless."""
        await self._upkeep.aclose()
        await self._dispatcher.aclose()
        await self.registry.aclose()
        await self.ledger.aclose()

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

        Returns a Delivery for whatever the world did; look at its status, or `raise_for_status()`. A notice
        that is digested waits for others of its kind: that one is `queued`, for a worker.
        Raises NotificationError for a request that cannot be (unknown notice, wrong variable, bad
        address, reused key) and ConfigurationError where nothing is set up to carry it.
        """
        job, path = self._intake.now({
            "notice": notice, "to": to, "data": data, "text": text, "channel": channel, "category": category,
            "locale": locale, "key": key, "expires_at": expires_at, "delivery": delivery,
        })  # fmt: skip
        self._keep_up()
        if job.digested:
            return await self._postbox.put(job)  # it waits for others of its kind
        sent = await self._postmaster.send(job, path)
        if job.follow_ups and sent.id == job.id:
            await self._postbox.ticket([ticket_of(each.delivery) for each in job.follow_ups])
        return sent

    async def enqueue(
        self,
        notice: str | Notification | None = None,
        *,
        connection: object | None = None,
        **arguments: Any,
    ) -> Delivery:
        """Keep a notification to be sent by a worker, at once or at `send_at`; returns it `queued`.

        The other arguments are those of `Notification`. connection: the application's own, with a
        transaction open; the delivery is kept if, and only if, that commits.
        Raises what `send` raises, NotificationError too for what every provider would refuse, and
        LedgerUnavailable where it was not kept, or a server broke off in the commit and nobody can tell:
        enqueue it again, with a `key` so that it can never be kept twice.
        """
        if connection is not None:
            delivery = self.enqueue_in(connection, notice, **arguments)
            return await delivery if inspect.isawaitable(delivery) else delivery
        job = self._intake.later({"notice": notice, **arguments})
        self._keep_up()
        return await self._postbox.put(job)

    def enqueue_in(
        self, connection: object, notice: str | Notification | None = None, **arguments: Any
    ) -> Delivery | Awaitable[Delivery]:
        """`enqueue` on a connection; with a synchronous one it is done at once, in the calling thread.

        Raises UnsupportedOperation for a connection of an unknown kind or without a transaction.
        """
        return self._postbox.put_in(connection, self._intake.later({"notice": notice, **arguments}))

    def worker(self, *, concurrency: int | None = None, grace: float | None = None) -> Worker:
        """A worker of this hub, to be run and stopped; by default as `[dispatch]` says."""
        table = self.settings.dispatch
        self._works = True
        carrier = Carrier(self.ledger, self._postmaster, self._escalations.route, self._chains, self._digests)
        return Worker(
            self.ledger,
            carrier,
            self._postbox,
            self._dispatcher,
            self._upkeep,
            concurrency=concurrency or table.concurrency,
            grace=table.grace if grace is None else grace,
        )

    async def run_worker(self, *, concurrency: int | None = None, drain: bool = False) -> WorkerCounts:
        """Carry on what is queued until cancelled, inside the application; see `Worker.run`."""
        return await self.worker(concurrency=concurrency).run(drain=drain)

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

    async def receive_push(self, instance: str, push: Push | Mapping[str, Any]) -> PushAnswer:
        """Take what a vendor pushed to the application, and return the status and body to answer it with.

        instance: the provider instance whose URL it came to. push: method, headers, body bytes, and the
        form fields where the web framework has parsed them already.
        Raises SettingsError for an unknown instance, UnsupportedOperation where it reads no pushes.
        """
        return await self._inbox.receive(self.registry.instance(instance), push)

    def _keep_up(self) -> None:
        """Renewals and recovery run wherever deliveries are made, without anybody starting them."""
        if self.ledger.durable or self.health.watches or self._guard is not None:
            self._upkeep.start()
