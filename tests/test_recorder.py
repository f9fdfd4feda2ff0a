"""The recorder: a write that fails is repeated, and never a reason to send again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from notifyhub import Delivery, Status
from notifyhub import recorder as module
from notifyhub.announcer import Announcer
from notifyhub.dispatch import EmbeddedDispatcher
from notifyhub.errors import LeaseLost, LedgerUnavailable
from notifyhub.ledger import MemoryLedger
from notifyhub.plugins import Plugins
from notifyhub.postbox import Postbox
from notifyhub.recorder import Recorder

SEEN = Delivery(id="d", status=Status.ACCEPTED, channel="sms", category="order", address="x")  # type: ignore[arg-type]


class Failing(MemoryLedger):
    """Raises these in turn, then keeps everything."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)
        self.tries = 0

    async def record(self, delivery: Delivery) -> Delivery:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return delivery

    async def get(self, delivery_id: str) -> Delivery | None:
        return SEEN.evolve(status=Status.UNKNOWN)


class Told(Announcer):
    def __init__(self) -> None:
        super().__init__(Plugins())
        self.seen: list[Status] = []

    @property
    def heard(self) -> bool:
        return True

    async def delivery_changed(self, delivery: Delivery, joined: Any = ()) -> None:
        self.seen.append(delivery.status)


def made(ledger: Failing) -> tuple[Recorder, Told]:
    told = Told()
    return Recorder(ledger, Postbox(ledger, EmbeddedDispatcher(), told)), told


@pytest.mark.parametrize("fails", [0, 1, 3])
def test_repeated_until_it_is_kept(fails: int) -> None:
    """A ledger that is away for a moment is asked again; everybody is told once."""
    ledger = Failing(*[LedgerUnavailable("away")] * fails)
    recorder, told = made(ledger)
    assert asyncio.run(recorder.record(SEEN)) == SEEN
    assert (told.seen, ledger.tries) == ([Status.ACCEPTED], fails + 1)


def test_owed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """One that stays away is owed the write: the caller goes on, and `catch_up` writes it and tells."""
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0))
    ledger = Failing(*[LedgerUnavailable("away")] * 4)
    recorder, told = made(ledger)

    async def story() -> None:
        assert await recorder.record(SEEN) == SEEN
        assert told.seen == []
        with pytest.raises(LedgerUnavailable):
            await recorder.catch_up()
        await recorder.catch_up()
        await recorder.catch_up()

    asyncio.run(story())
    assert (told.seen, ledger.tries) == ([Status.ACCEPTED], 5)
    assert "record_owed" in caplog.text


@pytest.mark.parametrize("before", [[], [LedgerUnavailable("away")]])
def test_another_owner_tells(before: list[Exception]) -> None:
    """Where another worker owns it now, what that one has is returned, and told by that one."""
    ledger = Failing(*before, LeaseLost("another's"))
    recorder, told = made(ledger)
    assert asyncio.run(recorder.record(SEEN)).status is Status.UNKNOWN
    assert told.seen == []
    asyncio.run(recorder.catch_up())
    assert ledger.tries == len(before) + 1


def test_cancelled() -> None:
    """A task that is cancelled while it is written has it written all the same."""

    class Slow(Failing):
        async def record(self, delivery: Delivery) -> Delivery:
            await asyncio.sleep(0.02)
            return await super().record(delivery)

    ledger = Slow()
    recorder, told = made(ledger)

    async def story() -> None:
        task = asyncio.create_task(recorder.record(SEEN))
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told.seen == [Status.ACCEPTED]

    asyncio.run(story())
