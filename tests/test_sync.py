"""SyncHub: the same hub for synchronous applications, from several threads and in forked workers."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import aiosqlite
import pytest

from notifyhub import (
    Hub,
    InvalidAddress,
    Message,
    Outcome,
    Reason,
    SettingsError,
    Status,
    SyncHub,
    UnknownDelivery,
    UnsupportedOperation,
    provider,
)
from notifyhub.testing import RecordingProvider

NUMBER = "+8613800138000"


def paper(threads: set[int] | None = None):  # type: ignore[no-untyped-def]
    @provider("paper", channels={"sms"})
    async def send(message: Message) -> Outcome:
        if threads is not None:
            threads.add(threading.get_ident())
        return Outcome.accepted(message.id)

    return send


def test_send() -> None:
    """send, preview and delivery work without an event loop; errors come through as they are."""
    with SyncHub(providers={"sms": paper()}) as hub:
        delivery = hub.send("login/code", to=NUMBER, data={"code": "1234"})
        assert delivery.ok
        assert hub.delivery(delivery.id) == delivery
        assert "1234" in hub.preview("login/code", to=NUMBER, data={"code": "1234"}).text
        with pytest.raises(InvalidAddress):
            hub.send("login/code", to="1", data={"code": "1234"})


def test_many_threads() -> None:
    """Many threads send through one SyncHub: one loop thread serves them, and nothing is mixed up."""
    loops: set[int] = set()
    with SyncHub(providers={"sms": paper(loops)}) as hub, ThreadPoolExecutor(16) as pool:
        sent = list(pool.map(lambda n: hub.send(text=str(n), to=NUMBER), range(400)))
    assert all(d.provider_message_id == d.id for d in sent)
    assert len({d.id for d in sent}) == 400
    assert len(loops) == 1
    assert threading.get_ident() not in loops


def test_closing_twice() -> None:
    """Closing twice is harmless, and sending afterwards says so."""
    hub = SyncHub(providers={"sms": paper()})
    hub.send(text="x", to=NUMBER)
    hub.close()
    hub.close()
    with pytest.raises(RuntimeError, match="closed"):
        hub.send(text="x", to=NUMBER)


def test_wrong_settings_are_told_at_once() -> None:
    """What is set up wrongly is told where the hub is made."""
    with pytest.raises(SettingsError):
        SyncHub({"providers": {"a": {"type": "nothing"}}})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this platform does not have")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_used_after_a_fork() -> None:
    """A hub that was used before a server forked its workers serves the worker too."""
    with SyncHub(providers={"sms": paper()}) as hub:
        assert hub.send(text="x", to=NUMBER).ok
        child = os.fork()
        if child == 0:
            os._exit(0 if hub.send(text="x", to=NUMBER).ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert hub.send(text="x", to=NUMBER).ok


LEDGER = {"ledger": {"url": "sqlite:///n.db", "synchronous": "normal", "lease": 0.3}}
SECONDS = 0.9
"""Three leases: what is not renewed meanwhile is another's."""


def test_enqueue_and_what_goes_with_it() -> None:
    """enqueue, cancel and resolve work without an event loop, and a worker of another process sends."""
    vendor = RecordingProvider("v")
    vendor.will_answer(Outcome.unknown(Reason.TIMEOUT))
    with SyncHub(LEDGER, providers={"v": vendor}) as hub:
        held = hub.send(text="0", to=NUMBER)
        queued = hub.enqueue(text="1", to=NUMBER)
        assert hub.cancel(hub.enqueue(text="2", to=NUMBER).id).status is Status.CANCELLED
        former, again = hub.resolve(held.id, "resend", why="sure")
        assert again is not None
        assert (former.status, again.resend_of) == (Status.UNDELIVERED, held.id)
        asyncio.run(work(vendor))
        assert hub.delivery(queued.id).ok
    assert sorted(m.text for m in vendor.messages) == ["0", "0", "1"]


async def work(vendor: RecordingProvider) -> None:
    async with Hub(LEDGER, providers={"v": vendor}) as hub:
        await hub.run_worker(drain=True)


def test_enqueue_on_a_connection() -> None:
    """A connection is used in the thread whose it is: with its commit the delivery is kept, else not."""
    with SyncHub(LEDGER, providers={"v": RecordingProvider("v")}) as hub:
        first = hub.enqueue(text="1", to=NUMBER)  # makes the tables
        with closing(sqlite3.connect("n.db", check_same_thread=True)) as connection:
            connection.execute("BEGIN")
            kept = hub.enqueue(text="2", to=NUMBER, connection=connection)
            connection.commit()
            connection.execute("BEGIN")
            lost = hub.enqueue(text="3", to=NUMBER, connection=connection)
            connection.rollback()
        assert {hub.delivery(each.id).status for each in (first, kept)} == {Status.QUEUED}
        with pytest.raises(UnknownDelivery):
            hub.delivery(lost.id)


def test_an_asynchronous_connection_is_refused() -> None:
    """An asynchronous connection has no place in synchronous code, and nothing is written on it."""

    async def story(hub: SyncHub) -> None:
        async with aiosqlite.connect("n.db") as connection:
            await connection.execute("BEGIN")
            with pytest.raises(UnsupportedOperation, match=r"use Hub\.enqueue"):
                hub.enqueue(text="x", to=NUMBER, connection=connection)
            await connection.rollback()

    with SyncHub(LEDGER, providers={"v": RecordingProvider("v")}) as hub:
        hub.cancel(hub.enqueue(text="1", to=NUMBER).id)
        asyncio.run(story(hub))


def test_leases_are_renewed_in_the_background() -> None:
    """What is under way for longer than a lease stays ours; closing ends the upkeep with everything else."""

    class Slow(RecordingProvider):
        async def send(self, message: Message) -> Outcome:
            await asyncio.sleep(SECONDS)
            return await super().send(message)

    async def recover() -> int:
        async with Hub(LEDGER, providers={"v": vendor}) as other:
            return await other._upkeep.once()

    vendor = Slow("v")
    with SyncHub(LEDGER, providers={"v": vendor}) as hub, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(hub.send, text="1", to=NUMBER)
        recovered = 0
        while not sending.done():
            recovered += asyncio.run(recover())
        assert (sending.result().status, recovered) == (Status.ACCEPTED, 0)
    assert "notifyhub" not in {thread.name for thread in threading.enumerate()}
    assert Path("n.db").exists()
