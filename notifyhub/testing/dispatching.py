"""DispatcherContract: the promises that every dispatch engine keeps, as tests to inherit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from notifyhub.dispatch import Dispatcher, Ticket
from notifyhub.testing.contract.base import require
from notifyhub.testing.contract.closed import Closed, dropped_quietly
from notifyhub.testing.desk import Desk

__all__ = ["DispatcherContract"]


class DispatcherContract(metaclass=Closed):
    """Inherit this in a test class of your engine's, and say how the engine is made.

        class TestCarrierPigeons(DispatcherContract):
            def make(self) -> Dispatcher:
                return PigeonDispatcher("pigeon://loft")

    Each test is a promise; its docstring says which. `make` is called in a running event loop, also for
    a second instance on the same queue; ids that an earlier test left behind do no harm. An id may take
    `Desk.patience` seconds to come. A promise is dropped as in ProviderContract: by a strict xfail with
    its reason.
    """

    def make(self) -> Dispatcher:
        """Another instance of the engine, on the same queue each time."""
        raise NotImplementedError(f"{type(self).__name__} needs make(): an instance of the engine")

    def test_every_id_is_carried(self) -> None:
        """Every id that was enqueued is carried, before `run` began and while it runs; twice does no harm."""

        async def scene(engine: Dispatcher) -> None:
            desk, early, late = Desk(4), _tickets("early", 20), _tickets("late", 20)
            await desk.put(engine)
            await desk.put(engine, *early, *early)
            async with _running(engine, desk):
                await desk.put(engine, *late, early[0])
                await engine.enqueue([*early, *late])
                await desk.see(*(ticket.delivery_id for ticket in (*early, *late)))

        self.play(scene)

    def test_another_instance_can_enqueue(self) -> None:
        """What another instance enqueues reaches the one that runs."""

        async def scene(engine: Dispatcher) -> None:
            desk, other, tickets = Desk(4), self.make(), _tickets("other", 5)
            try:
                async with _running(engine, desk):
                    await desk.put(other, *tickets)
                    await desk.see(*(ticket.delivery_id for ticket in tickets))
            finally:
                await other.aclose()

        self.play(scene)

    def test_nothing_is_carried_before_it_is_due(self) -> None:
        """An id with a time is not carried before it, and others are not kept waiting for it."""

        async def scene(engine: Dispatcher) -> None:
            desk, (later,), (now,) = Desk(4), _tickets("later", 1), _tickets("now", 1)
            due = datetime.now(UTC) + timedelta(seconds=1)
            async with _running(engine, desk):
                await desk.put(engine, replace(later, due=due), now)
                await desk.see(later.delivery_id, now.delivery_id)
            for name, at in (*desk.calls, *desk.begun):
                early = name == later.delivery_id and at < due.timestamp() - 0.05
                require(not early, f"an id came {due.timestamp() - at:.2f} s before it was due")
            require(desk.begun[0][0] == now.delivery_id, "what was due waited for what was not")

        self.play(scene)

    def test_the_urgent_overtakes(self) -> None:
        """An urgent id goes before a backlog that was there first."""

        async def scene(engine: Dispatcher) -> None:
            desk, (urgent,) = Desk(2, length=0.02), _tickets("urgent", 1)
            backlog = [replace(ticket, priority=4) for ticket in _tickets("backlog", 200)]
            await desk.put(engine, *backlog)
            async with _running(engine, desk):
                await desk.see(backlog[0].delivery_id)
                await desk.put(engine, urgent)
                behind = len(desk.begun)
                await desk.see(urgent.delivery_id)
                place = [name for name, _ in desk.begun].index(urgent.delivery_id) - behind
                require(place < 80, f"{place} of the backlog went before an urgent id")

        self.play(scene)

    def test_no_more_than_there_is_room_for(self) -> None:
        """No more are carried at the same time than the worker has room for, and as many as that."""

        async def scene(engine: Dispatcher) -> None:
            for concurrency in (1, 3):
                desk, tickets = Desk(concurrency, length=0.05), _tickets(f"room{concurrency}", 12)
                await desk.put(engine, *tickets)
                async with _running(engine, desk):
                    await desk.see(*(ticket.delivery_id for ticket in tickets))
                require(
                    desk.most == concurrency, f"{desk.most} were carried at once, with room for {concurrency}"
                )

        self.play(scene)

    def test_one_that_raises_stops_nobody(self) -> None:
        """Where carrying an id raises, the others go on."""

        async def scene(engine: Dispatcher) -> None:
            desk, bad, good = Desk(2), _tickets("bad", 3), _tickets("good", 10)

            async def handler(delivery_id: str) -> None:
                if delivery_id.startswith("bad"):
                    raise ConnectionError("the ledger is away for a moment")

            desk.handler = handler
            async with _running(engine, desk):
                await desk.put(engine, *bad)
                await desk.see(*(ticket.delivery_id for ticket in bad))
                await desk.put(engine, *good)
                await desk.see(*(ticket.delivery_id for ticket in good))

        self.play(scene)

    def test_put_back_while_it_is_carried(self) -> None:
        """An id enqueued again from within its own carrying is carried again: at once, and for later."""

        async def scene(engine: Dispatcher) -> None:
            desk, (ticket,) = Desk(2), _tickets("back", 1)
            name, due = ticket.delivery_id, datetime.now(UTC) + timedelta(seconds=0.7)
            again = [ticket, replace(ticket, due=due)]

            async def handler(delivery_id: str) -> None:
                if again:
                    await desk.put(engine, again.pop(0))

            desk.handler = handler
            async with _running(engine, desk):
                await desk.put(engine, ticket)
                until = time.monotonic() + Desk.patience
                while len(times := [at for begun, at in desk.begun if begun == name]) < 3:
                    require(time.monotonic() < until, f"put back twice, and carried {len(times)} times")
                    await asyncio.sleep(0.01)
            require(times[2] >= due.timestamp() - 0.05, "an id that was put back came before it was due")

        self.play(scene)

    def test_stopping_and_running_again(self) -> None:
        """Told to stop, `run` begins nothing more and returns; what is left is carried by the next `run`."""

        async def scene(engine: Dispatcher) -> None:
            first, tickets = Desk(2, length=0.2), _tickets("stop", 20)
            await first.put(engine, *tickets)
            async with _running(engine, first):
                await first.see(tickets[0].delivery_id)
            stopped = len(first.begun)
            await asyncio.sleep(0.3)
            require(len(first.begun) == stopped < len(tickets), "something was begun after the end of `run`")
            second = Desk(8, ledger=first.ledger)
            left = list(first.ledger)
            async with _running(engine, second):
                await second.see(*left)

        self.play(scene)

    def test_closing_twice_is_harmless(self) -> None:
        """`aclose` may be called before any use, and twice."""

        async def scene(engine: Dispatcher) -> None:
            await engine.aclose()
            await engine.aclose()

        self.play(scene)

    def test_no_promise_is_dropped(self) -> None:
        """No promise is overridden or hidden, other than by a strict xfail with its reason."""
        problem = dropped_quietly(type(self))
        require(problem is None, problem or "")

    def play(self, scene: Callable[[Dispatcher], Awaitable[None]]) -> None:
        """Run `scene(engine)` on an event loop of its own, and close the engine."""

        async def play() -> None:
            engine = self.make()
            try:
                await scene(engine)
            finally:
                await engine.aclose()

        asyncio.run(play())


@asynccontextmanager
async def _running(engine: Dispatcher, desk: Desk) -> AsyncIterator[None]:
    run = asyncio.create_task(engine.run(desk))
    try:
        yield
        desk.stopping.set()
        await asyncio.wait([run], timeout=Desk.patience)
        require(run.done(), "`run` did not return after it was told to stop")
        run.result()
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await desk.close()


def _tickets(name: str, count: int) -> list[Ticket]:
    """Tickets with ids that no earlier test has used."""
    stamp = time.time_ns()
    return [Ticket(delivery_id=f"{name}-{stamp}-{number:04}") for number in range(count)]
