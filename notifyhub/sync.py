"""SyncHub: the hub for synchronous applications (Flask, Django, scripts), safe from several threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

import anyio
from anyio.from_thread import BlockingPortal

from notifyhub.errors import UnsupportedOperation
from notifyhub.hub import Hub
from notifyhub.ledger import Suppression
from notifyhub.ledger.connections import connected
from notifyhub.message import Message, Notification
from notifyhub.outcome import Delivery, Outcome
from notifyhub.plugins import Plugins
from notifyhub.providers import Balance, Push, PushAnswer
from notifyhub.resolution import Verdict
from notifyhub.settings import Settings, load_settings

if TYPE_CHECKING:
    from notifyhub.template import Catalog

__all__ = ["SyncHub"]


class SyncHub:
    """A `Hub` on an event loop in a thread of its own; every method blocks until its answer is there.

    The arguments are those of `Hub`. The thread starts with the first call, and anew in a process that
    was forked, so a hub made before a server forks its workers serves each of them.
    """

    def __init__(self, settings: Settings | Mapping[str, Any] | None = None, **options: Any) -> None:
        self._settings = settings
        self._options = options
        # Made now, so that what is set up wrongly is told where it is written, not at the first send.
        self._hub: Hub | None = Hub(settings, **options)
        self._loop: _LoopThread | None = None
        self._lock = threading.Lock()
        self._closed = False
        _all.add(self)

    @classmethod
    def from_settings(cls, path: str | Path | None = None, **options: Any) -> Self:
        """See `Hub.from_settings`."""
        return cls(load_settings(path), **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the providers and end the thread. Twice is harmless."""
        with self._lock:
            if not self._closed and self._loop is not None:
                self._loop.portal.call(self.hub.aclose)
                self._loop.end()
            self._closed = True

    @property
    def hub(self) -> Hub:
        """The hub behind. Its coroutines belong to the event loop of this object's thread."""
        if self._hub is None:
            self._hub = Hub(self._settings, **self._options)
        return self._hub

    @property
    def plugins(self) -> Plugins:
        """The plugins of the hub behind; observers are registered here. They run in this object's thread."""
        return self.hub.plugins

    @property
    def catalog(self) -> Catalog:
        """See `Hub.catalog`."""
        return self.hub.catalog

    def send(self, notice: str | Notification | None = None, **arguments: Any) -> Delivery:
        """See `Hub.send`."""

        async def send() -> Delivery:
            return await self.hub.send(notice, **arguments)

        return self._portal().call(send)

    def enqueue(
        self,
        notice: str | Notification | None = None,
        *,
        connection: object | None = None,
        **arguments: Any,
    ) -> Delivery:
        """See `Hub.enqueue`. A connection is used in the calling thread, whose it is.

        Raises UnsupportedOperation for an asynchronous connection.
        """
        if connection is not None:
            if connected(connection).is_async:
                raise UnsupportedOperation(
                    "is asynchronous", field="connection", remedy="use Hub.enqueue, or one that is not"
                )
            delivery = self.hub.enqueue_in(connection, notice, **arguments)
            assert isinstance(delivery, Delivery)  # noqa: S101 - a synchronous one is done, for the type checker
            return delivery

        async def enqueue() -> Delivery:
            return await self.hub.enqueue(notice, **arguments)

        return self._portal().call(enqueue)

    def cancel(self, delivery_id: str | None = None, *, key: str | None = None) -> Delivery:
        """See `Hub.cancel`."""

        async def cancel() -> Delivery:
            return await self.hub.cancel(delivery_id, key=key)

        return self._portal().call(cancel)

    def resolve(
        self, delivery_id: str, verdict: Verdict | str, *, why: str, by: str = "the application"
    ) -> tuple[Delivery, Delivery | None]:
        """See `Hub.resolve`."""

        async def resolve() -> tuple[Delivery, Delivery | None]:
            return await self.hub.resolve(delivery_id, verdict, why=why, by=by)

        return self._portal().call(resolve)

    def acknowledge(self, delivery_id: str, *, by: str) -> Delivery:
        """See `Hub.acknowledge`."""

        async def acknowledge() -> Delivery:
            return await self.hub.acknowledge(delivery_id, by=by)

        return self._portal().call(acknowledge)

    def preview(self, notice: str | Notification | None = None, **arguments: Any) -> Message:
        """See `Hub.preview`."""
        return self.hub.preview(notice, **arguments)

    def delivery(self, delivery_id: str) -> Delivery:
        """See `Hub.delivery`."""
        return self._portal().call(self.hub.delivery, delivery_id)

    def receive_push(self, instance: str, push: Push | Mapping[str, Any]) -> PushAnswer:
        """See `Hub.receive_push`."""
        answer: PushAnswer = self._portal().call(self.hub.receive_push, instance, push)
        return answer

    def balance(self, instance: str) -> Balance | Outcome:
        """See `Hub.balance`."""
        return self._portal().call(self.hub.balance, instance)

    def suppress(self, address: str, **arguments: Any) -> Suppression:
        """See `Hub.suppress`."""

        async def suppress() -> Suppression:
            return await self.hub.suppress(address, **arguments)

        return self._portal().call(suppress)

    def unsuppress(self, entry_id: str, *, by: str = "application") -> Suppression:
        """See `Hub.unsuppress`."""

        async def unsuppress() -> Suppression:
            return await self.hub.unsuppress(entry_id, by=by)

        return self._portal().call(unsuppress)

    def suppressions(
        self,
        address: str | None = None,
        *,
        channel: str | None = None,
        lifted: bool = False,
        limit: int = 100,
    ) -> Sequence[Suppression]:
        """See `Hub.suppressions`."""

        async def suppressions() -> Sequence[Suppression]:
            return await self.hub.suppressions(address, channel=channel, lifted=lifted, limit=limit)

        return self._portal().call(suppressions)

    def _portal(self) -> BlockingPortal:
        with self._lock:
            if self._closed:
                raise RuntimeError("this SyncHub is closed")
            if self._loop is None:
                self._loop = _LoopThread()
            return self._loop.portal

    def _forked(self) -> None:
        """A fork took the objects along but not the thread, and connections must not be shared either."""
        self._lock = threading.Lock()
        if self._loop is not None:
            self._loop = self._hub = None


class _LoopThread:
    """A thread with an event loop, and the portal into it.

    Not anyio's own context manager: left behind by a fork, its generator would wait for ever for the
    thread that the fork did not copy.
    """

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=anyio.run, args=(self._serve,), name="notifyhub", daemon=True)
        self._thread.start()
        self._ready.wait()

    portal: BlockingPortal

    async def _serve(self) -> None:
        async with BlockingPortal() as self.portal:
            self._ready.set()
            await self.portal.sleep_until_stopped()

    def end(self) -> None:
        """Let what is under way come to its end, then end the thread."""
        self.portal.call(self.portal.stop)
        self._thread.join()


_all: WeakSet[SyncHub] = WeakSet()


def _after_fork() -> None:
    for hub in list(_all):
        hub._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
