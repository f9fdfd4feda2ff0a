"""Outbox: what an application has sent, for its tests. Needs no pytest."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Self
from unittest import mock

from notifyhub.breaker import Breaker
from notifyhub.delivery import Courier
from notifyhub.errors import InvalidAddress
from notifyhub.hub import Hub
from notifyhub.ledger import Job
from notifyhub.message import Message, Recipient
from notifyhub.outcome import Delivery, Outcome
from notifyhub.postbox import Postbox
from notifyhub.providers import Capabilities, Provider, refuse_unsupported
from notifyhub.routing import Path
from notifyhub.sync import SyncHub
from notifyhub.testing.recording import RecordingProvider

__all__ = ["Outbox"]

_PUT, _PUT_IN = Postbox.put, Postbox.put_in


class Outbox:
    """Takes what every hub of this process would send, for as long as it is open.

        with Outbox() as outbox:
            application.place_order(…)
            outbox.assert_sent(to="13800138000", notice="order/placed", containing="¥12.00")

    It does not matter how and when the application made its Hub or SyncHub: settings, notices, policies
    and routes stay its own, and only the vendors are not asked. What a vendor cannot carry (channel,
    country, length) is refused as it would be. Instances are still made of the settings, so secrets have
    to be there: any words will do, nobody is told them.

    What is enqueued is kept by the application's own ledger, and seen here at once (`assert_enqueued`); it
    is sent, to this box, when a worker runs while it is open: `await hub.run_worker(drain=True)`.

    `hub` and `sync_hub` are hubs without settings, for code that is given one.
    Boxes can be nested: the innermost takes all.
    """

    def __init__(self) -> None:
        self._recorder = RecordingProvider("outbox")
        self._enqueued: list[Message] = []
        self._stack = ExitStack()
        self._hub: Hub | None = None
        self._sync_hub: SyncHub | None = None

    def __enter__(self) -> Self:
        recorder, deliver = self._recorder, Courier.deliver

        async def deliver_here(
            courier: Courier, delivery: Delivery, message: Message, path: Path, *rest: Any, **more: Any
        ) -> Delivery:
            # A breaker of its own: failures that a test has scripted must not outlive it.
            standins = tuple(
                instance
                if isinstance(instance.provider, _Standin)  # a box inside this one has taken it
                else replace(instance, provider=_Standin(instance.provider, recorder), breaker=Breaker())
                for instance in path.instances
            )
            return await deliver(courier, delivery, message, replace(path, instances=standins), *rest, **more)

        # The one place that every message of every hub passes on its way to a provider.
        self._stack.enter_context(mock.patch.object(Courier, "deliver", deliver_here))

        async def put_here(postbox: Postbox, job: Job) -> Delivery:
            return self._saw(job, await _PUT(postbox, job))

        def put_in_here(postbox: Postbox, connection: object, job: Job) -> Delivery | Awaitable[Delivery]:
            opened = _PUT_IN(postbox, connection, job)
            return self._seen(job, opened) if inspect.isawaitable(opened) else self._saw(job, opened)

        # And the two that every message passes on its way into the queue.
        self._stack.enter_context(mock.patch.object(Postbox, "put", put_here))
        self._stack.enter_context(mock.patch.object(Postbox, "put_in", put_in_here))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        if self._sync_hub is not None:
            self._sync_hub.close()

    @property
    def hub(self) -> Hub:
        """A hub without settings, whose every channel leads here. It has nothing to be closed."""
        if self._hub is None:
            self._hub = Hub(providers={"outbox": self._recorder})
        return self._hub

    @property
    def sync_hub(self) -> SyncHub:
        """The same for synchronous code; closed with the box."""
        if self._sync_hub is None:
            self._sync_hub = SyncHub(providers={"outbox": self._recorder})
        return self._sync_hub

    @property
    def messages(self) -> tuple[Message, ...]:
        """Every message that a provider was asked to send, in order; each attempt counts."""
        return self._recorder.messages

    @property
    def enqueued(self) -> tuple[Message, ...]:
        """Every message that was enqueued, in order, whatever became of it since."""
        return tuple(self._enqueued)

    @property
    def last(self) -> Message:
        """The newest message. Raises AssertionError where there is none."""
        return self._recorder.last

    def will_answer(self, *outcomes: Outcome) -> None:
        """What the next attempts come to, in order; after them everything is accepted."""
        self._recorder.will_answer(*outcomes)

    def clear(self) -> None:
        """Forget what was sent, what was enqueued and what was scripted."""
        self._recorder.clear()
        self._enqueued.clear()

    def text_to(self, address: str) -> str:
        """The text of the newest message to an address, in any usual writing. Raises AssertionError."""
        return self.assert_sent(to=address, count=None).text

    def assert_sent(
        self,
        *,
        to: str | None = None,
        notice: str | None = None,
        channel: str | None = None,
        containing: str | None = None,
        count: int | None = 1,
    ) -> Message:
        """The newest message that fits all that is given, of exactly `count`; None is one or more.

        Raises AssertionError that tells what was sent instead.
        """
        __tracebackhide__ = True
        wanted = {"to": to, "notice": notice, "channel": channel, "containing": containing}
        return self._fitting(self.messages, wanted, count)

    def assert_enqueued(
        self,
        *,
        to: str | None = None,
        notice: str | None = None,
        channel: str | None = None,
        containing: str | None = None,
        count: int | None = 1,
    ) -> Message:
        """The same of what was enqueued; a transaction that is rolled back afterwards is not noticed.

        Raises AssertionError that tells what was enqueued instead.
        """
        __tracebackhide__ = True
        wanted = {"to": to, "notice": notice, "channel": channel, "containing": containing}
        return self._fitting(self.enqueued, wanted, count)

    def assert_nothing_sent(self) -> None:
        """Nor enqueued. Raises AssertionError that tells what was."""
        __tracebackhide__ = True
        if self.messages or self._enqueued:
            raise AssertionError(f"wanted no message; {self._contents()}")

    def _fitting(self, among: Sequence[Message], wanted: dict[str, str | None], count: int | None) -> Message:
        __tracebackhide__ = True
        to, notice, channel, containing = wanted.values()
        address = None if to is None else _normalised(to, channel)
        fitting = [
            message
            for message in among
            if (address is None or message.to == address)
            and (notice is None or message.notice == notice)
            and (channel is None or message.channel == channel)
            and (containing is None or containing in message.text)
        ]
        if len(fitting) == count or (count is None and fitting):
            return fitting[-1]
        asked = ", ".join(f"{key} {value!r}" for key, value in wanted.items() if value is not None) or "any"
        number = "at least 1 message" if count is None else f"{count} message{'s' * (count != 1)}"
        raise AssertionError(f"wanted {number} ({asked}), found {len(fitting)}; {self._contents()}")

    def _saw(self, job: Job, opened: Delivery) -> Delivery:
        if opened.id == job.id:  # else it is known under its key
            self._enqueued.append(job.message)
        return opened

    async def _seen(self, job: Job, opening: Awaitable[Delivery]) -> Delivery:
        return self._saw(job, await opening)

    def _contents(self) -> str:
        # Whole addresses and words: these are a test's own, and what it failed by.
        told = f"{len(self.messages)} sent in all{_listed(self.messages)}"
        if self._enqueued:
            told += f"\n{len(self._enqueued)} enqueued{_listed(self._enqueued)}"
        return told

    def __repr__(self) -> str:
        return f"<Outbox of {len(self.messages)} messages>"


def _listed(messages: Sequence[Message]) -> str:
    lines = [
        f"\n  {number}. {m.channel} {m.notice or 'text'} to {m.to}: {m.text!r}"
        for number, m in enumerate(messages, 1)
    ]
    return f"{':' if lines else ''}{''.join(lines)}"


class _Standin:
    """Stands for an instance: takes what it can carry, and hands it to the recorder."""

    def __init__(self, instance: Provider, recorder: RecordingProvider) -> None:
        self.name = instance.name
        self.capabilities: Capabilities = instance.capabilities
        self._recorder = recorder

    async def send(self, message: Message) -> Outcome:
        return refuse_unsupported(message, self.capabilities) or await self._recorder.send(message)

    async def aclose(self) -> None:
        """The instance is its registry's to close."""


def _normalised(address: str, channel: str | None) -> str:
    try:
        recipient = Recipient.parse(address)
    except InvalidAddress:
        return address  # a chat room, a URL: as it stands
    return recipient.addresses[recipient.channels[0]]
