"""Intake: what cannot be sent is refused to the caller, before anything is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifyhub import (
    ConfigurationError,
    DeliveryPolicy,
    Hub,
    KeyReused,
    Message,
    Notification,
    NotificationError,
    Outcome,
    Reason,
    Recipient,
    Status,
)
from notifyhub.providers import Capabilities
from notifyhub.testing import RecordingProvider

NUMBER = "+8613800138000"


def in_(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


class Picky:
    """Refuses beforehand what has an emoji, and says so in `check`."""

    name = "picky"
    capabilities = Capabilities(channels=frozenset({"sms"}), countries=frozenset({"CN"}), max_length=10)

    def __init__(self, check: Callable[[Message], Any] | None = None) -> None:
        self._check = check

    def check(self, message: Message) -> Any:
        if self._check is not None:
            return self._check(message)
        return Outcome.refused(Reason.CONTENT_UNSUPPORTED, detail="emoji") if "😀" in message.text else None

    async def send(self, message: Message) -> Outcome:
        raise AssertionError("nothing is sent by enqueueing")

    async def aclose(self) -> None:
        """Nothing is held."""


def play(story: Callable[[Hub], Coroutine[Any, Any, None]], *providers: Any, **options: Any) -> None:
    async def run() -> None:
        named = {f"v{n}": one for n, one in enumerate(providers)} or {"v0": RecordingProvider("v0")}
        async with Hub(providers=named, **options) as hub:
            await story(hub)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"text": "😀"}, "text: would be refused by v0: refused · content_unsupported · “emoji”"),
        ({"text": "a" * 11}, "11 characters, 10 at most"),
        ({"text": "x", "to": "+14155552671"}, "numbers of US"),
        ({"text": "x", "expires_at": in_(-1)}, "expires_at: is over before it could be sent"),
        ({"text": "x", "send_at": in_(60), "expires_at": in_(59)}, "expires_at: is over before"),
        ({"text": "x", "send_at": datetime(2030, 1, 1)}, "send_at needs a time zone"),
        ({"text": " "}, "text: is empty"),
        ({"notice": "login/code", "data": {"code": "【x】"}}, "code: "),
        ({"notice": "login/code"}, "code: "),
    ],
)
def test_refused_to_the_caller(arguments: dict[str, Any], told: str) -> None:
    """What every provider of its route would refuse, or is over already, is not kept; the error says why."""

    async def story(hub: Hub) -> None:
        asked = {"to": NUMBER, **arguments}
        with pytest.raises(NotificationError) as caught:
            await hub.enqueue(asked.pop("notice", None), **asked)
        assert told in str(caught.value)
        assert "13800138000" not in str(caught.value)
        assert (await hub.ledger.backlog()).ready == 0

    play(story, Picky())


def test_nothing_to_route_to() -> None:
    """Without a route the caller is told, and not a worker later."""

    async def story(hub: Hub) -> None:
        with pytest.raises(ConfigurationError, match="no route for channel email"):
            await hub.enqueue(text="x", to="a@b.co")

    play(story, Picky())


def test_one_that_takes_it_is_enough() -> None:
    """What one provider of the route would take is kept, whatever the others say."""

    async def story(hub: Hub) -> None:
        assert (await hub.enqueue(text="😀", to=NUMBER)).status is Status.QUEUED

    play(story, Picky(), RecordingProvider("v1"))


async def _another_matter(message: Message) -> bool:
    return True


def _broken(message: Message) -> Outcome:
    raise ZeroDivisionError(message.text)


@pytest.mark.parametrize("check", [_another_matter, _broken, lambda message: True])
def test_a_stranger_s_check(check: Callable[[Message], Any], caplog: pytest.LogCaptureFixture) -> None:
    """A `check` that raises, or is about something else, refuses nothing; its words are not logged."""

    async def story(hub: Hub) -> None:
        assert (await hub.enqueue(text="secret", to=NUMBER)).status is Status.QUEUED

    play(story, Picky(check))
    assert "secret" not in caplog.text
    assert ("provider_bug" in caplog.text) == (check is _broken)


def test_what_is_kept() -> None:
    """The job has the rendered words, its deadline from `send_at` on, the policy, the subject, and a step."""

    async def story(hub: Hub) -> None:
        due, over = in_(3600), in_(3600 + 20)
        policy = DeliveryPolicy(max_submits=2)
        queued = await hub.enqueue(
            "login/code", to=Recipient(addresses={"sms": NUMBER}, id="u1"), data={"code": "482913"},
            send_at=due, expires_at=over, delivery=policy,
        )  # fmt: skip
        assert (queued.status, queued.due, queued.category) == (Status.QUEUED, due, "otp")
        assert "to be sent from " in queued.explain()
        job = await hub.ledger.job(queued.id)
        assert job is not None
        assert "482913" in job.message.text
        assert (job.policy, job.subject, job.instance, job.deadline) == (policy, "u1", "v0", over)
        code = await hub.enqueue("login/code", to=NUMBER, data={"code": "1234"}, send_at=due, expires_at=over)
        half = await hub.ledger.job(code.id)
        assert half is not None
        life = half.deadline - due  # half of a code's life is left to type it in
        assert abs(life - timedelta(seconds=10)) < timedelta(milliseconds=1)
        for text in (repr(job), repr(queued), queued.explain()):
            assert "482913" not in text
            assert NUMBER not in text

    play(story)


def test_keys() -> None:
    """The same request under a key gives the first delivery, whether it was sent or queued first."""

    async def story(hub: Hub) -> None:
        queued = await hub.enqueue(text="x", to=NUMBER, key="k")
        assert (await hub.enqueue(text="x", to=NUMBER, key="k")).id == queued.id
        assert (await hub.send(text="x", to=NUMBER, key="k")).id == queued.id
        for method in (hub.enqueue, hub.send):
            with pytest.raises(KeyReused):
                await method(text="y", to=NUMBER, key="k")
            with pytest.raises(KeyReused):
                await method(text="x", to="+8613900139000", key="k")

    play(story)


def test_a_time_is_for_enqueue() -> None:
    """`send` sends now: a Notification with `send_at` is told where it belongs."""

    async def story(hub: Hub) -> None:
        asked = Notification(text="x", to=NUMBER, send_at=in_(60))  # type: ignore[arg-type]
        with pytest.raises(NotificationError, match=r"use hub\.enqueue"):
            await hub.send(asked)
        assert (await hub.enqueue(asked)).due == asked.send_at

    play(story)
