"""PolicyContract: the promises that every policy keeps, as tests to inherit."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from notifyhub.category import Category
from notifyhub.ledger import Demand, MemoryLedger, Question
from notifyhub.message import SMS, Message
from notifyhub.outcome import Attempt, Delivery, Outcome, Status
from notifyhub.policy import (
    Allow,
    CountsPolicy,
    Decision,
    Defer,
    Policy,
    SettlesPolicy,
    Suppress,
)
from notifyhub.quota import Quota, Refusal, Taken
from notifyhub.reason import Reason
from notifyhub.testing.contract.base import require
from notifyhub.testing.contract.closed import Closed, dropped_quietly
from notifyhub.testing.watch import watch_connections

__all__ = ["PolicyContract"]

QUICK = 0.5
"""Seconds within which a policy decides: it is asked before every message."""
MANY = 50
INSTANCES = ("first", "second")
_OUTCOMES = (
    Outcome.accepted("id-1", parts=1),
    Outcome.refused(Reason.CONTENT_REFUSED, code="407"),
    Outcome.not_sent(),
    Outcome.unknown(Reason.TIMEOUT),
)


class PolicyContract(metaclass=Closed):
    """Inherit this in a test class of your policy's, and say how the policy is made.

        class TestWeekdays(PolicyContract):
            def make(self) -> Policy:
                return Weekdays()

    Each test is a promise; its docstring says which. They run on plain pytest. To say where it differs:
    `message` (one that the policy is about), `instances` (names of provider instances that it knows).
    What is for policies that count (`CountsPolicy`) or want to know the end (`SettlesPolicy`) only, the
    others keep by not doing it. A promise is dropped as in ProviderContract: by a strict xfail with its
    reason.
    """

    instances: Sequence[str] = INSTANCES

    def make(self) -> Policy:
        """A new policy, each time as it is at the start."""
        raise NotImplementedError(f"{type(self).__name__} needs make(): an instance of the policy")

    def message(self, number: int = 0) -> Message:
        """A message that the policy is about. Another number has another address and other words.

        By default an SMS about an order to a mainland Chinese mobile.
        """
        return Message(channel=SMS, to=f"+861380013{8000 + number:04}", text=f"您的订单{7700 + number}已发货")

    def test_it_has_a_name(self) -> None:
        """It has a name, in one line, the same for every instance: `explain()` calls it by that."""
        policy: Any = self.make()
        name = getattr(policy, "name", None)
        require(
            isinstance(name, str) and bool(name.strip()) and name.isprintable(),
            f"the policy's name is {name!r}; give it a short word",
        )
        require(name == self.make().name, "two instances have different names")

    def test_it_decides(self) -> None:
        """It answers each category and channel with a decision; where it does not allow, it says why."""

        async def scene(policy: Policy) -> None:
            for message in self._kinds():
                _check(await self._asked(policy, message), message)

        self.play(scene)

    def test_the_message_stays_as_it_is(self) -> None:
        """It changes nothing of the message."""

        async def scene(policy: Policy) -> None:
            message = self.message().evolve(variables={"number": "7700"})
            before = _shown(message)
            await self._asked(policy, message)
            if isinstance(policy, CountsPolicy):
                policy.quotas(message, self.instances)
            require(_shown(message) == before, "the policy has changed the message")

        self.play(scene)

    def test_it_is_quick(self) -> None:
        """It decides at once: it is asked before every message; what has to wait is deferred."""

        async def scene(policy: Policy) -> None:
            took = []
            for number in range(3):
                begun = time.monotonic()
                await self._asked(policy, self.message(number))
                took.append(time.monotonic() - begun)
            fastest = min(took)  # a machine may be busy once
            require(fastest < QUICK, f"decide took {fastest:.1f} s; what has to wait is answered with Defer")

        self.play(scene)

    def test_many_at_once(self) -> None:
        """Many messages may be asked about at the same time."""

        async def scene(policy: Policy) -> None:
            messages = [self.message(number) for number in range(MANY)]
            decisions = await asyncio.gather(*(self._asked(policy, message) for message in messages))
            for decision, message in zip(decisions, messages, strict=True):
                _check(decision, message)

        self.play(scene)

    def test_quotas_are_pure(self) -> None:
        """What a message takes is told without I/O, and is the same when it is asked again."""

        async def scene(policy: Policy) -> None:
            if not isinstance(policy, CountsPolicy):
                return
            message = self.message()
            with watch_connections() as connections:
                first, second = (self._quotas(policy, message) for _ in range(2))
            require(not connections, f"quotas connected to {connections}; it is to do no I/O")
            require(first == second, "quotas said two things of one message")
            keys = [(quota.name, quota.about) for quota in first]
            require(len(set(keys)) == len(keys), "two quotas of a message have the same name and about")

        self.play(scene)

    def test_quotas_name_nobody(self) -> None:
        """The name of a quota, which logs and `explain()` show, holds neither the address nor the words."""

        async def scene(policy: Policy) -> None:
            if isinstance(policy, CountsPolicy):
                for message in self._kinds():
                    for quota in self._quotas(policy, message):
                        _tells_nobody(f"the quota's name {quota.name!r}", quota.name, message)

        self.play(scene)

    def test_a_refusal_ends_it(self) -> None:
        """Where a quota had not enough left, the message is suppressed or deferred, never allowed."""

        async def scene(policy: Policy) -> None:
            if not isinstance(policy, CountsPolicy):
                return
            for message in self._kinds():
                for quota in self._quotas(policy, message):
                    for seconds in (0, 1, 100_000):
                        free = int((time.time() + seconds) * 1e6)
                        decision: Any = policy.refuse(message, Refusal(quota, free))
                        _check(decision, message)
                        require(not isinstance(decision, Allow), "refuse allowed what had nothing left")

        self.play(scene)

    def test_its_end_may_be_anything(self) -> None:
        """It is told of every end without raising, and gives no more back than was taken."""

        async def scene(policy: Policy) -> None:
            for number, outcome in enumerate(_OUTCOMES):
                message = self.message(number)
                await self._asked(policy, message)
                delivery = _ended(message, outcome, self.instances[0])
                if isinstance(policy, CountsPolicy):
                    await self._gives_back(policy, message, delivery)
                if isinstance(policy, SettlesPolicy):
                    for status in Status:
                        await policy.settle(message, delivery.evolve(status=status))

        self.play(scene)

    def test_no_promise_is_dropped(self) -> None:
        """No promise is overridden or hidden, other than by a strict xfail with its reason."""
        problem = dropped_quietly(type(self))
        require(problem is None, problem or "")

    def play(self, scene: Any) -> None:
        """Run `scene(policy)` on an event loop of its own."""
        __tracebackhide__ = True

        async def play() -> None:
            await scene(self.make())

        asyncio.run(play())

    def _kinds(self) -> list[Message]:
        """The policy's own message in every category, and one by another channel."""
        own = [self.message(number).evolve(category=each) for number, each in enumerate(Category)]
        return [*own, Message(channel="email", to="a.person@example.com", text="Your order has left us.")]

    async def _asked(self, policy: Policy, message: Message) -> Decision:
        __tracebackhide__ = True
        try:
            return await policy.decide(message)
        except Exception as error:
            raise AssertionError(f"decide raised {type(error).__name__}: nothing would be sent") from error

    def _quotas(self, policy: CountsPolicy, message: Message) -> list[Quota]:
        __tracebackhide__ = True
        told: Any = policy.quotas(message, self.instances)
        if inspect.iscoroutine(told):
            told.close()
            raise AssertionError("quotas is async; it does no I/O, so write it without `async`")
        for quota in told:
            require(isinstance(quota, Quota), f"quotas gave a {type(quota).__name__}, not a Quota")
            require(
                isinstance(quota.amount, int) and quota.amount >= 0, "a quota's amount is no whole number"
            )
        return list(told)

    async def _gives_back(self, policy: CountsPolicy, message: Message, delivery: Delivery) -> None:
        """Have its quotas taken of a real ledger, and look at what comes back."""
        quotas = tuple(self._quotas(policy, message))
        admission = await MemoryLedger().admit(
            Question(
                message.id,
                message.channel,
                message.category,
                demand=Demand(quotas),
                recipient=message.to,
                words=message.text,
            )
        )
        left = {(each.page, each.tally): each.amount for each in admission.taken}
        for back in policy.used(message, delivery, admission.taken):
            require(isinstance(back, Taken), f"used gave a {type(back).__name__}, not a Taken")
            place = back.page, back.tally
            left[place] = left.get(place, 0) - back.amount
            whose = [each for each in admission.taken if each._replace(amount=back.amount) == back]
            require(bool(whose), "used gave something back that was not taken")
        require(min(left.values(), default=0) >= 0, "used gave more back than was taken")


def _check(decision: Any, message: Message) -> None:
    """Insist on a decision that may be told."""
    __tracebackhide__ = True
    require(
        isinstance(decision, Allow | Suppress | Defer),
        f"a {type(decision).__name__} is no decision; see Policy",
    )
    if isinstance(decision, Defer):
        require(
            isinstance(decision.until, datetime) and decision.until.tzinfo is not None,
            "Defer.until is no aware datetime; use datetime.now(UTC) + …",
        )
    if not isinstance(decision, Allow):
        require(bool(decision.why.strip()), f"{type(decision).__name__}.why is empty: `explain()` shows it")
        _tells_nobody(f"{type(decision).__name__}.why", decision.why, message)


def _tells_nobody(what: str, words: str, message: Message) -> None:
    __tracebackhide__ = True
    hidden = (message.to, message.to.removeprefix("+86"), message.text)
    require(not any(each in words for each in hidden), f"{what} shows the address or the words")


def _shown(message: Message) -> dict[str, Any]:
    values = {name: getattr(message, name) for name in Message.__dataclass_fields__}
    return {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}


def _ended(message: Message, outcome: Outcome, instance: str) -> Delivery:
    attempt = Attempt(
        delivery_id=message.id,
        number=1,
        provider=instance,
        provider_type="contract",
        started_at=datetime.now(UTC),
        elapsed_ms=1.0,
        outcome=outcome,
        allowed="nothing follows",
    )
    return Delivery(
        id=message.id,
        status=Status(outcome.kind.value),
        channel=message.channel,
        category=message.category,
        address=message.to,
        attempts=(attempt,),
    )
