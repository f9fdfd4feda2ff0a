"""What may follow an attempt, whoever made it and however often the delivery was cut off in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub import Category, Delivery, DeliveryPolicy, Message, Outcome, Reason, Status
from notifyhub.breaker import Breaker
from notifyhub.category import DELIVERY_POLICIES, OnUnknown
from notifyhub.delivery import Courier
from notifyhub.outcome import Attempt
from notifyhub.providers import Capabilities
from notifyhub.routing import Instance, Path, Route
from notifyhub.sequel import WAITED, may_go_on, may_wait, replay

ACCEPTED = Outcome.accepted("id")
UNKNOWN = Outcome.unknown(Reason.TIMEOUT)
NOT_SENT = Outcome.not_sent()
REFUSED = Outcome.refused(Reason.BALANCE)
FINAL = Outcome.refused(Reason.INVALID_RECIPIENT)
NAMES = ("a", "b", "c")
ORDER = DELIVERY_POLICIES[Category.ORDER]


class Killed(BaseException):
    """The process is gone: nothing that it was about to do is done."""


class Play:
    """A delivery that is carried on by one process after another, each of which may be cut off."""

    def __init__(self, category: Category, script: list[Any]) -> None:
        self.category = category
        self.policy = DELIVERY_POLICIES[category]
        self.script = script
        self.copies: list[str] = []
        self.committed: tuple[Delivery, str] | None = None
        self.message = Message(channel="sms", to="+8613800138000", text="x", category=category)
        self.delivery = Delivery(
            id=self.message.id, status=Status.SENDING, channel="sms", category=category, address="x"
        )

    def path(self, names: tuple[str, ...]) -> Path:
        instances = tuple(Instance(name, "t", _Player(name, self), Breaker(threshold=99)) for name in names)
        return Path(Route(instances=instances), instances)

    async def submit(self, name: str) -> Outcome:
        assert self.committed is not None
        assert self.committed[1] == name, "submitted without being on record"
        act = self.script.pop(0) if self.script else ACCEPTED
        if act == "cut in a pause":
            act = UNKNOWN
        if act in ("cut", "kill") or act.may_have_gone:
            self.copies.append(name)
        if act == "kill":
            raise Killed
        if act == "cut":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(1)
        assert isinstance(act, Outcome)
        return act

    async def carry(self, names: tuple[str, ...]) -> bool:
        """One process's share, as the postmaster does it; whether another may follow."""
        path = self.path(names)

        async def sleep(seconds: float) -> None:
            if self.script and self.script[0] == "cut in a pause":
                del self.script[0]
                raise asyncio.CancelledError

        async def submitting(delivery: Delivery, instance: str) -> None:
            self.committed = delivery, instance

        async def interrupted(delivery: Delivery) -> None:
            self.delivery = delivery

        courier = Courier(sleep=sleep)
        try:
            self.delivery = await courier.deliver(
                self.delivery, self.message, path, self.policy, submitting=submitting, interrupted=interrupted
            )
        except Killed:
            assert self.committed is not None
            delivery, instance = self.committed
            lost = attempt(instance, Outcome.unknown(Reason.INTERRUPTED), len(delivery.attempts) + 1)
            self.delivery = delivery.evolve(status=Status.UNKNOWN, attempts=(*delivery.attempts, lost))
        except asyncio.CancelledError:
            current = asyncio.current_task()
            assert current is not None
            current.uncancel()
        else:
            # It came to rest by itself; what nobody took may be tried again.
            return may_wait(self.delivery, path, self.policy) is not None
        unsure = self.delivery.status in (Status.NOT_SENT, Status.REFUSED, Status.UNKNOWN)
        return unsure and may_go_on(self.delivery, path, self.policy)[0]


class _Player:
    capabilities = Capabilities(channels=frozenset({"sms"}))

    def __init__(self, name: str, play: Play) -> None:
        self.name = name
        self._play = play

    async def send(self, message: Message) -> Outcome:
        return await self._play.submit(self.name)

    async def aclose(self) -> None:
        """Nothing is held."""


def attempt(provider: str, outcome: Outcome, number: int = 1) -> Attempt:
    return Attempt(
        delivery_id="d", number=number, provider=provider, provider_type="t", started_at=datetime.now(UTC),
        elapsed_ms=0.0, outcome=outcome, allowed="",
    )  # fmt: skip


ACTS = st.sampled_from([UNKNOWN, NOT_SENT, REFUSED, FINAL, ACCEPTED, "cut", "kill", "cut in a pause"])
PATHS = st.lists(
    st.sampled_from([("a",), ("b",), ("a", "b"), ("b", "a"), ("b", "c"), ("c", "a", "b")]),
    min_size=2,
    max_size=8,
)


@settings(max_examples=400)
@given(category=st.sampled_from(list(Category)), script=st.lists(ACTS, max_size=12), paths=PATHS)
def test_never_one_copy_too_many(category: Category, script: list[Any], paths: list[tuple[str, ...]]) -> None:
    """However often it is cut off, killed and carried on, and whatever the routes are then, the copies that
    may be out stay within what the category allows, and within what explain() tells.
    """
    play = Play(category, list(script))

    async def run() -> None:
        for names in paths:
            if not await play.carry(names):
                break

    asyncio.run(run())
    policy, copies = play.policy, Counter(play.copies)
    assert len(play.copies) <= policy.max_submits
    assert play.delivery.copies == len(play.copies)
    if policy.on_unknown is OnUnknown.HOLD:
        assert len(play.copies) <= 1
    if policy.on_unknown is OnUnknown.FAILOVER:
        assert set(copies.values()) <= {1}
    if policy.on_unknown is OnUnknown.RETRY_SAME:
        assert len(copies) <= 1


def delivery(category: Category, *attempts: Attempt, **more: Any) -> Delivery:
    return Delivery(
        id="d",
        status=Status.UNKNOWN,
        channel="sms",
        category=category,
        address="x",
        attempts=attempts,
        **more,
    )


def path(*names: str) -> Path:
    return Play(Category.ORDER, []).path(names or NAMES)


@pytest.mark.parametrize(
    ("category", "attempts", "goes_on", "words"),
    [
        ("order", [], True, "nothing has gone out yet"),
        ("order", [("a", NOT_SENT)], True, "nothing has gone out yet"),
        ("order", [("a", FINAL)], False, "held: the last answer is about the recipient"),
        ("order", [("a", UNKNOWN)], False, "held: order is never submitted again"),
        ("marketing", [("a", UNKNOWN)], False, "held: marketing is never"),
        ("otp", [("a", UNKNOWN)], True, "the same words may go through another instance"),
        ("otp", [("a", UNKNOWN), ("b", NOT_SENT)], True, "the same words may go through another"),
        ("otp", [("a", UNKNOWN), ("b", FINAL)], False, "about the recipient"),
        ("otp", [("a", UNKNOWN), ("b", UNKNOWN)], False, "held: 2 copies may be out, 2 at most"),
        ("alert", [("a", UNKNOWN)], True, "the same instance once more"),
        ("alert", [("a", UNKNOWN)] * 3, False, "held: 3 copies"),
        ("ops", [("a", UNKNOWN)] * 4, True, "the same instance once more, and only it"),
        ("ops", [("gone", UNKNOWN)], False, "held: gone, and only it"),
    ],
)
def test_going_on(category: str, attempts: list[tuple[str, Outcome]], goes_on: bool, words: str) -> None:
    """Where a delivery was cut off, its category and its last answer say whether it goes on, and why."""
    made = [attempt(name, outcome, number) for number, (name, outcome) in enumerate(attempts, 1)]
    kind = Category(category)
    said = may_go_on(delivery(kind, *made), path(), DELIVERY_POLICIES[kind])
    assert said[0] is goes_on
    assert words in said[1]


def test_going_on_with_nobody_left() -> None:
    """A code that may have gone through the only instance there is goes nowhere else."""
    policy = DELIVERY_POLICIES[Category.OTP]
    assert may_go_on(delivery(Category.OTP, attempt("a", UNKNOWN)), path("a"), policy) == (
        False,
        "held: no other instance is left",
    )


def test_replay_asks_the_same_again() -> None:
    """A repetition that was granted and not had yet comes first; an earlier refusal binds nobody."""
    policy = DELIVERY_POLICIES[Category.ALERT]
    asked = [attempt("a", REFUSED), attempt("b", UNKNOWN)]
    standings, again, _ = replay(asked, path(), policy, Category.ALERT)
    assert again is not None
    assert again.instance.name == "b"
    assert not any(standing.out for standing in standings)
    assert replay([*asked, attempt("b", NOT_SENT)], path(), policy, Category.ALERT).again is None


def waiting(*outcomes: tuple[str, Outcome], status: Status = Status.REFUSED, waits: int = 0) -> float | None:
    made = [attempt(name, outcome, number) for number, (name, outcome) in enumerate(outcomes, 1)]
    steps = (f"{WAITED}1 s",) * waits
    held = delivery(Category.ORDER, *made, steps=steps).evolve(status=status)
    return may_wait(held, path("a", "b"), ORDER)


RATE = Outcome.refused(Reason.RECIPIENT_RATE, retry_after=60)
WORDS = Outcome.refused(Reason.TEMPLATE_UNMATCHED)


@pytest.mark.parametrize(
    ("outcomes", "pause"),
    [
        ([("a", NOT_SENT), ("b", NOT_SENT)], 0.5),
        ([("a", REFUSED), ("b", WORDS)], 0.5),  # an operator tops the account up
        ([("a", WORDS)], 0.5),  # b was passed over for its breaker
        ([("a", WORDS), ("b", WORDS)], None),
        ([("a", FINAL)], None),
        ([("a", REFUSED), ("b", FINAL)], None),
        ([("a", RATE)], 60),
        ([("a", RATE), ("a", RATE)], None),  # once per window
        ([("a", Outcome.refused(Reason.ACCOUNT_RATE, retry_after=90)), ("b", WORDS)], 90),
        ([("a", UNKNOWN)], None),
        ([("a", ACCEPTED)], None),
    ],
)
def test_waiting(outcomes: list[tuple[str, Outcome]], pause: float | None) -> None:
    """What nobody took waits in the queue for what mends; what does not mend, or may have gone, does not."""
    assert waiting(*outcomes) == pause


def test_waiting_longer_each_time() -> None:
    """Each time it waits twice as long, and never more than five minutes, with or without attempts."""
    pauses = [waiting(status=Status.NOT_SENT, waits=n) for n in range(30)]
    assert pauses[:3] == [0.5, 1.0, 2.0]
    assert pauses[-1] == 300.0
    assert [waiting(("a", NOT_SENT), waits=n) for n in range(30)] == pauses


def test_waiting_is_for_what_came_to_nothing() -> None:
    """What was suppressed, expired or delivered does not wait for anything."""
    for status in set(Status) - {Status.REFUSED, Status.NOT_SENT}:
        assert waiting(status=status) is None
    assert may_wait(delivery(Category.ORDER).evolve(status=Status.NOT_SENT), path(), DeliveryPolicy()) == 0.5
