"""SyncHub: the same hub for synchronous applications, from several threads and in forked workers."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from notifyhub import InvalidAddress, Message, Outcome, SettingsError, SyncHub, provider

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
