"""The watchdog: every await ends by its deadline, and no cancellation is mistaken for another."""

from __future__ import annotations

import asyncio
import time

import pytest

from notifyhub.watchdog import Watchdog


async def answer(seconds: float = 0.0) -> str:
    await asyncio.sleep(seconds)
    return "answer"


def test_in_time() -> None:
    """What ends in time gives its result."""
    assert asyncio.run(Watchdog().limit(5, answer())) == "answer"


def test_too_late() -> None:
    """What does not end is cancelled and told as TimeoutError, and the task lives on."""

    async def story() -> str:
        with pytest.raises(TimeoutError):
            await Watchdog().limit(0.02, answer(60))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return await answer()

    assert asyncio.run(story()) == "answer"


def test_many_deadlines() -> None:
    """Each of many awaits ends by its own deadline, whatever order they come in."""

    async def one(dog: Watchdog, seconds: float) -> float:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            await dog.limit(seconds, answer(60))
        return time.monotonic() - started - seconds

    async def story() -> None:
        dog = Watchdog()
        late = await asyncio.gather(*(one(dog, n / 50) for n in (9, 1, 5, 3, 7, 2, 2, 8, 4, 6)))
        assert all(-0.001 <= seconds < 0.15 for seconds in late)
        assert dog._watched == set()

    asyncio.run(story())


def test_cancelled_from_outside() -> None:
    """A cancellation from outside goes through as such."""

    async def story() -> None:
        dog = Watchdog()
        task = asyncio.create_task(dog.limit(60, answer(60)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert dog._watched == set()

    asyncio.run(story())


def test_both_at_once() -> None:
    """Where the deadline and the caller cancel in the same turn of the loop, the caller's counts."""

    async def story() -> None:
        dog = Watchdog()
        task = asyncio.create_task(dog.limit(0.02, answer(60)))
        await asyncio.sleep(0)
        time.sleep(0.03)  # noqa: ASYNC251 - the deadline passes while the loop is busy
        dog._wake()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())


def test_an_awaitable_that_swallows_cancellation() -> None:
    """What swallows the cancellation and answers after all has answered; nothing of it sticks."""

    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "after all"
        return "never"

    async def story() -> None:
        dog = Watchdog()
        assert await dog.limit(0.02, stubborn()) == "after all"
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        assert await dog.limit(5, answer(0.01)) == "answer"

    asyncio.run(story())


def test_one_inside_another() -> None:
    """A limited await may limit an await of its own; the tighter deadline ends it, and only its part."""

    async def story() -> None:
        dog = Watchdog()

        async def inner() -> str:
            with pytest.raises(TimeoutError):
                await dog.limit(0.02, answer(60))
            return await answer(0.01)

        assert await dog.limit(5, inner()) == "answer"
        with pytest.raises(TimeoutError):
            await dog.limit(0.02, dog.limit(5, answer(60)))
        assert dog._watched == set()

    asyncio.run(story())


def test_one_loop_after_another() -> None:
    """A watchdog that has outlived its loop serves the next one."""
    dog = Watchdog()
    for _ in range(3):
        assert asyncio.run(dog.limit(5, answer())) == "answer"
        with pytest.raises(TimeoutError):
            asyncio.run(dog.limit(0.02, answer(60)))


def test_own_errors() -> None:
    """An error of the awaitable itself comes through."""

    async def fail() -> None:
        raise KeyError("own")

    with pytest.raises(KeyError):
        asyncio.run(Watchdog().limit(5, fail()))
