"""The courier: what follows an attempt is read from the reason table and the category only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub.breaker import Breaker
from notifyhub.category import DELIVERY_POLICIES, Category, DeliveryPolicy, OnUnknown
from notifyhub.delivery import Courier, Turn
from notifyhub.errors import LedgerUnavailable
from notifyhub.message import Message
from notifyhub.outcome import Delivery, Outcome, OutcomeKind, Status
from notifyhub.providers import Capabilities
from notifyhub.reason import REASONS, BreakerEffect, Reason
from notifyhub.routing import Instance, Path, Route

ACCEPTED = Outcome.accepted("9007199254740993")
TIMEOUT = Outcome.unknown(Reason.TIMEOUT)
NO_CONNECTION = Outcome.not_sent()
Answer = Outcome | Exception | Callable[[], Awaitable[Outcome]]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@dataclass
class Scripted:
    """A provider that gives its answers in order; the last one for ever."""

    answers: list[Answer]
    name: str = "scripted"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(channels=frozenset({"sms"})))
    asked: int = 0

    async def send(self, message: Message) -> Outcome:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Outcome):
            return answer
        if isinstance(answer, Exception):
            raise answer
        return await answer()

    async def aclose(self) -> None:
        pass


class Scene:
    """Instances a, b, c… with these answers, and one message of this category."""

    def __init__(self, *scripts: list[Answer], category: Category = Category.OTP) -> None:
        self.clock = Clock()
        self.providers = [Scripted(script) for script in scripts]
        self.instances = tuple(
            Instance(chr(97 + n), "scripted", provider, Breaker(clock=self.clock))
            for n, provider in enumerate(self.providers)
        )
        self.message = Message(channel="sms", to="+8613800138000", text="words", category=category)
        self.kept: list[Delivery] = []

    async def run(self, policy: DeliveryPolicy | None = None, turn: Turn | None = None) -> Delivery:
        message = self.message
        opening = Delivery(
            id=message.id, status=Status.SENDING, channel="sms", category=message.category, address=message.to
        )
        path = Path(Route(instances=self.instances), self.instances)

        async def keep(delivery: Delivery) -> None:
            self.kept.append(delivery)

        courier = Courier(clock=self.clock, sleep=self.clock.sleep)
        return await courier.deliver(
            opening,
            message,
            path,
            policy or DELIVERY_POLICIES[message.category],
            turn=turn,
            interrupted=keep,
        )

    def deliver(self, policy: DeliveryPolicy | None = None, turn: Turn | None = None) -> Delivery:
        return asyncio.run(self.run(policy, turn))

    @property
    def asked(self) -> list[int]:
        return [provider.asked for provider in self.providers]


def test_accepted_at_once() -> None:
    """The first acceptance ends it, and the delivery carries the vendor's id."""
    scene = Scene([ACCEPTED], [ACCEPTED])
    delivery = scene.deliver()
    assert (delivery.status, delivery.provider, delivery.reason) == (Status.ACCEPTED, "a", None)
    assert delivery.provider_message_id == "9007199254740993"
    assert scene.asked == [1, 0]


class Turns:
    """Says of each instance in these words that it is not its turn, and counts who was asked about."""

    def __init__(self, **said: str | LedgerUnavailable) -> None:
        self.said = said
        self.about: list[str] = []

    async def __call__(self, instance: str, copies: int) -> str | None:
        self.about.append(instance)
        said = self.said.get(instance)
        if isinstance(said, LedgerUnavailable):
            raise said
        return said


def test_whose_turn_it_is_not_is_passed_over() -> None:
    """An instance whose turn it is not gets no submission; the next one does, and `explain()` says why."""
    scene, turns = Scene([ACCEPTED], [ACCEPTED]), Turns(a="turn: a is passed over: 5/day is used up")
    delivery = scene.deliver(turn=turns)
    assert (delivery.provider, scene.asked, turns.about) == ("b", [0, 1], ["a", "b"])
    assert "5/day is used up" in delivery.explain()


def test_each_submission_has_its_turn() -> None:
    """A second submission to the same instance takes a turn of its own; without one, nothing more goes."""
    scene, turns = Scene([Outcome.unknown(Reason.TIMEOUT)] * 3, category=Category.ALERT), Turns()
    scene.deliver(turn=turns)
    assert scene.asked == [len(turns.about)] == [2]


def test_no_turn_without_the_ledger() -> None:
    """Where nobody can say whose turn it is, nothing is submitted."""
    scene = Scene([ACCEPTED], [ACCEPTED])
    delivery = scene.deliver(turn=Turns(a=LedgerUnavailable("locked"), b=LedgerUnavailable("locked")))
    assert (delivery.status, scene.asked) == (Status.NOT_SENT, [0, 0])
    assert "LedgerUnavailable, so b is passed over" in delivery.explain()


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("category", list(Category))
def test_refusal_follows_the_table(reason: Reason, category: Category) -> None:
    """After a refusal another instance is asked exactly where the reason table says so."""
    scene = Scene([Outcome.refused(reason, code="x")], [ACCEPTED], category=category)
    delivery = scene.deliver()
    if REASONS[reason].failover:
        assert (delivery.status, delivery.provider, scene.asked) == (Status.ACCEPTED, "b", [1, 1])
    else:
        assert (delivery.status, delivery.reason, scene.asked) == (Status.REFUSED, reason, [1, 0])


@pytest.mark.parametrize("category", [Category.ORDER, Category.MARKETING])
@pytest.mark.parametrize("reason", list(Reason))
def test_unknown_holds(category: Category, reason: Reason) -> None:
    """Order and marketing messages are never submitted again after an uncertain attempt."""
    scene = Scene([Outcome.unknown(reason)], [ACCEPTED], category=category)
    delivery = scene.deliver()
    assert (delivery.status, delivery.provider, scene.asked) == (Status.UNKNOWN, "a", [1, 0])
    assert "held" in delivery.explain()


def test_code_after_unknown() -> None:
    """A code goes through another instance after an uncertain attempt, at most twice, never twice by one."""
    scene = Scene([TIMEOUT], [TIMEOUT], [ACCEPTED])
    delivery = scene.deliver()
    assert (delivery.status, scene.asked) == (Status.UNKNOWN, [1, 1, 0])
    alone = Scene([TIMEOUT, ACCEPTED])
    assert (alone.deliver().status, alone.asked) == (Status.UNKNOWN, [1])


def test_alert_after_unknown() -> None:
    """A login alert is repeated by the same instance, then by another, three copies at most."""
    scene = Scene([TIMEOUT], [TIMEOUT], [ACCEPTED], category=Category.ALERT)
    assert (scene.deliver().status, scene.asked) == (Status.UNKNOWN, [2, 1, 0])
    lucky = Scene([TIMEOUT, ACCEPTED], [ACCEPTED], category=Category.ALERT)
    assert (lucky.deliver().status, lucky.asked) == (Status.ACCEPTED, [2, 0])


def test_ops_after_unknown() -> None:
    """A chat message is repeated by the same instance under the same id, five times at most."""
    scene = Scene([TIMEOUT], [ACCEPTED], category=Category.OPS)
    assert (scene.deliver().status, scene.asked) == (Status.UNKNOWN, [5, 0])


def test_ops_stays_with_its_instance() -> None:
    """After an uncertain attempt a chat message never leaves its instance, unreachable or not."""
    scene = Scene([TIMEOUT, NO_CONNECTION, ACCEPTED], [ACCEPTED], category=Category.OPS)
    assert (scene.deliver().provider, scene.asked) == ("a", [3, 0])
    lost = Scene([TIMEOUT, NO_CONNECTION], [ACCEPTED], category=Category.OPS)
    assert (lost.deliver().status, lost.asked[1]) == (Status.UNKNOWN, 0)


def test_uncertainty_outweighs_a_later_refusal() -> None:
    """Refused by the second after the first was uncertain, the message may still be out: unknown."""
    scene = Scene([TIMEOUT], [Outcome.refused(Reason.INVALID_RECIPIENT)])
    delivery = scene.deliver()
    assert (delivery.status, delivery.provider, delivery.reason) == (Status.UNKNOWN, "a", Reason.TIMEOUT)


def test_no_connection_is_free() -> None:
    """Where nothing left, the next instance is asked at once and the route walked again."""
    scene = Scene([NO_CONNECTION], [NO_CONNECTION, ACCEPTED], category=Category.ORDER)
    delivery = scene.deliver()
    assert (delivery.status, scene.asked, scene.clock.pauses) == (Status.ACCEPTED, [2, 2], [0.5])


def test_no_connection_ends() -> None:
    """Walking the route again has an end, and then the message is provably not sent."""
    scene = Scene([NO_CONNECTION], category=Category.ORDER)
    delivery = scene.deliver()
    assert (delivery.status, delivery.reason) == (Status.NOT_SENT, Reason.UNREACHABLE)
    assert (scene.asked, scene.clock.pauses) == ([3], [0.5, 1.0])


def test_vendor_names_a_short_pause() -> None:
    """A vendor's rate limit is waited out once by the same instance, where the pause is short."""
    limited = Outcome.refused(Reason.RECIPIENT_RATE, code="4080", retry_after=1.0)
    scene = Scene([limited, ACCEPTED], [ACCEPTED])
    assert (scene.deliver().status, scene.asked, scene.clock.pauses) == (Status.ACCEPTED, [2, 0], [1.0])
    stubborn = Scene([limited], [ACCEPTED])
    assert (stubborn.deliver().status, stubborn.asked) == (Status.REFUSED, [2, 0])


def test_vendor_names_a_long_pause() -> None:
    """Nobody sleeps a minute inside `send`: a long pause is a refusal."""
    scene = Scene(
        [Outcome.refused(Reason.RECIPIENT_RATE, code="4081", retry_after=60.0), ACCEPTED], [ACCEPTED]
    )
    assert (scene.deliver().status, scene.asked, scene.clock.pauses) == (Status.REFUSED, [1, 0], [])


def test_clock_mended_once() -> None:
    """After a clock refusal the same instance is asked once more; then its breaker opens and b is asked."""
    wrong = Outcome.refused(Reason.CLOCK, code="40501", retry_after=0.0)
    scene = Scene([wrong, ACCEPTED], [ACCEPTED])
    assert (scene.deliver().status, scene.asked) == (Status.ACCEPTED, [2, 0])
    hopeless = Scene([wrong], [ACCEPTED])
    assert (hopeless.deliver().provider, hopeless.asked) == ("b", [2, 1])
    assert not hopeless.instances[0].breaker.admit()


def test_open_breaker_is_passed_over() -> None:
    """An instance whose breaker is open is passed over while another can be asked."""
    scene = Scene([ACCEPTED], [ACCEPTED])
    scene.instances[0].breaker.record(Outcome.refused(Reason.BALANCE, code="4051"))
    delivery = scene.deliver()
    assert (delivery.provider, scene.asked) == ("b", [0, 1])
    assert "a skipped" in delivery.explain()


def test_all_breakers_open() -> None:
    """With every breaker open the first instance is asked anyway: a breaker chooses, it does not silence."""
    scene = Scene([ACCEPTED], [ACCEPTED])
    for instance in scene.instances:
        instance.breaker.record(Outcome.refused(Reason.BALANCE, code="4051"))
    assert (scene.deliver().provider, scene.asked) == ("a", [1, 0])


def test_provider_that_raises() -> None:
    """A provider's bug ends as unknown, and its exception's text goes nowhere."""
    scene = Scene([ValueError("secret 13800138000")], [ACCEPTED], category=Category.ORDER)
    delivery = scene.deliver()
    assert (delivery.status, delivery.reason, scene.asked) == (Status.UNKNOWN, Reason.PROVIDER_BUG, [1, 0])
    assert "13800138000" not in repr(delivery.attempts) + delivery.explain()


def test_provider_that_returns_nonsense() -> None:
    """A provider that returns no Outcome is a bug, not a success."""

    async def nothing() -> Outcome:
        return None  # type: ignore[return-value]

    assert Scene([nothing]).deliver().reason is Reason.PROVIDER_BUG


def test_provider_that_lets_a_connect_error_through() -> None:
    """Where the exception itself proves that nothing left, the next instance is asked, even for an order."""
    scene = Scene([ConnectionRefusedError()], [ACCEPTED], category=Category.ORDER)
    assert scene.deliver().provider == "b"


def test_provider_that_hangs() -> None:
    """No provider outlives the deadline of an attempt; the attempt is unknown."""

    async def hang() -> Outcome:
        await asyncio.sleep(60)
        raise AssertionError("the attempt was not given up")

    scene = Scene([hang], category=Category.ORDER)
    delivery = scene.deliver(DeliveryPolicy(attempt_deadline=0.05))
    assert (delivery.status, delivery.reason) == (Status.UNKNOWN, Reason.TIMEOUT)


def test_cancelled_in_an_attempt() -> None:
    """A cancelled send is recorded as unknown (interrupted) before the cancellation goes on."""
    under_way = asyncio.Event()

    async def hang() -> Outcome:
        under_way.set()
        await asyncio.sleep(60)
        raise AssertionError("cancellation did not reach the provider")

    scene = Scene([hang], [ACCEPTED])

    async def cancel() -> None:
        task = asyncio.create_task(scene.run())
        await under_way.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    [kept] = scene.kept
    assert (kept.status, kept.reason, scene.asked) == (Status.UNKNOWN, Reason.INTERRUPTED, [1, 0])


def test_expired_before() -> None:
    """A code is never submitted after its expiry."""
    scene = Scene([ACCEPTED])
    scene.message = Message(
        channel="sms", to="+8613800138000", text="1", category=Category.OTP,
        expires_at=datetime.now(UTC) - timedelta(seconds=1),
    )  # fmt: skip
    assert (scene.deliver().status, scene.asked) == (Status.EXPIRED, [0])


def test_half_of_a_codes_life() -> None:
    """Trying ends when half of a code's life is over: the rest is for typing it in."""
    scene = Scene([NO_CONNECTION])
    scene.message = Message(
        channel="sms", to="+8613800138000", text="1", category=Category.OTP,
        expires_at=datetime.now(UTC) + timedelta(seconds=2),
    )  # fmt: skip
    scene.deliver()
    assert scene.clock.now <= 1.0


def test_explain_tells_each_decision() -> None:
    """explain() names the route, each attempt, its reason and what that allowed."""
    told = (
        Scene([Outcome.refused(Reason.BALANCE, code="4051", detail="余额不足")], [ACCEPTED])
        .deliver()
        .explain()
    )
    for words in (
        "a → b",
        "attempt 1: a in",
        "balance",
        "code 4051",
        "余额不足",
        "another instance may be asked",
        "attempt 2: b in",
    ):
        assert words in told
    assert "13800138000" not in told


OUTCOMES = st.one_of(
    st.just(ACCEPTED),
    st.sampled_from(list(Reason)).map(Outcome.unknown),
    st.builds(
        Outcome.refused, st.sampled_from(list(Reason)), retry_after=st.sampled_from([None, 0.0, 1.0, 60.0])
    ),
    st.sampled_from(list(Reason)).map(Outcome.not_sent),
)
SCRIPTS = st.lists(st.lists(OUTCOMES, min_size=1, max_size=4), min_size=1, max_size=4)


@given(SCRIPTS, st.sampled_from(list(Category)))
@settings(max_examples=400, deadline=None)
def test_promises_hold_for_any_world(scripts: list[list[Answer]], category: Category) -> None:
    """Whatever vendors answer, it ends in a named state, with at most max_submits copies."""
    scene = Scene(*scripts, category=category)
    policy = DELIVERY_POLICIES[category]
    delivery = scene.deliver()
    outcomes = [attempt.outcome for attempt in delivery.attempts]
    assert delivery.status is not Status.SENDING
    assert sum(o.may_have_gone for o in outcomes) <= policy.max_submits
    unknown_at = [n for n, o in enumerate(outcomes) if o.kind is OutcomeKind.UNKNOWN]
    if policy.on_unknown is OnUnknown.HOLD and unknown_at:
        assert unknown_at == [len(outcomes) - 1]
    if category is Category.OTP:
        doubtful = [delivery.attempts[n].provider for n in unknown_at]
        later = [a.provider for n, a in enumerate(delivery.attempts) if unknown_at and n > unknown_at[0]]
        assert len(set(doubtful)) == len(doubtful)
        assert not set(later) & set(doubtful[:1])
    if any(o.kind is OutcomeKind.ACCEPTED for o in outcomes):
        assert delivery.status is Status.ACCEPTED
        assert outcomes[-1].kind is OutcomeKind.ACCEPTED
    assert scene.clock.now < policy.deadline
    for attempt, following in zip(delivery.attempts, delivery.attempts[1:], strict=False):
        reason = attempt.outcome.reason
        if attempt.outcome.kind is OutcomeKind.REFUSED and following.provider != attempt.provider:
            assert reason is not None
            assert REASONS[reason].failover


@given(
    st.lists(st.sampled_from([r for r in Reason if REASONS[r].breaker is BreakerEffect.IGNORED]), max_size=50)
)
def test_bad_messages_never_open_a_breaker(reasons: list[Reason]) -> None:
    """Bad numbers and bad words never take a vendor out of service."""
    breaker = Breaker(threshold=1)
    for reason in reasons:
        breaker.record(Outcome.refused(reason, code="x"))
    assert breaker.admit()
