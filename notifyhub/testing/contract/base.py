"""Contract: what a provider's author tells the kit, and the stage that the promises are played on."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, ClassVar, ParamSpec

from pydantic import BaseModel, SecretBytes, SecretStr

from notifyhub.message import SMS, Message
from notifyhub.outcome import Outcome, OutcomeKind
from notifyhub.providers import Provider, ProviderType
from notifyhub.settings import validate
from notifyhub.testing.answer import Answer
from notifyhub.testing.contract.closed import Closed
from notifyhub.testing.gateway import Gateway, Reaction, Request
from notifyhub.testing.watch import watch_connections

__all__ = ["Contract", "Stage", "network_promise", "require"]

INSTANCE = "contract-instance"
PATIENCE = 2.5
"""Seconds beyond the attempt's own timeout before a send counts as hanging; slow machines need some."""
_LONG = 10.0
"""The timeout of an attempt whose answer is on its way."""
P = ParamSpec("P")


class Stage:
    """A gateway with its script, and an instance of the provider in front of it."""

    def __init__(self, gateway: Gateway, provider: Provider, message: Message, limit: float) -> None:
        self.gateway = gateway
        self.provider = provider
        self.message = message
        self.limit = limit

    async def send(self, message: Message | None = None, *, after: str = "") -> Outcome:
        """Send, and insist on an Outcome in time. after: what the world does meanwhile, for the failure."""
        __tracebackhide__ = True
        when = f" after {after}" if after else ""
        started = time.monotonic()
        deadline = asyncio.timeout(self.limit)
        try:
            async with deadline:
                outcome: object = await self.provider.send(message or self.message)
        except Exception as error:
            if deadline.expired():
                raise AssertionError(
                    f"send did not return{when} within {time.monotonic() - started:.1f} s"
                ) from error
            raise AssertionError(f"send raised {type(error).__name__}{when}: {error}") from error
        require(isinstance(outcome, Outcome), f"send returned {type(outcome).__name__}{when}, not an Outcome")
        assert isinstance(outcome, Outcome)  # noqa: S101 - for the type checker
        return outcome

    async def sends_to(self, kind: OutcomeKind, *, after: str) -> Outcome:
        """Send, and insist on the kind of outcome."""
        __tracebackhide__ = True
        outcome = await self.send(after=after)
        require(outcome.kind is kind, f"{after} is {kind}; send said: {outcome}")
        return outcome

    async def close(self) -> None:
        """Close the instance, and insist that it raises nothing and ends in time."""
        __tracebackhide__ = True
        try:
            async with asyncio.timeout(PATIENCE):
                await self.provider.aclose()
        except Exception as error:
            raise AssertionError(f"aclose raised {type(error).__name__}: {error}") from error


Scene = Callable[[Stage], Awaitable[None]]


class Contract(metaclass=Closed):
    """What the author of a provider says; see ProviderContract."""

    provider_type: ClassVar[ProviderType | None]
    network: ClassVar[bool] = True
    gives_ids: ClassVar[bool] = True
    secrets: ClassVar[tuple[str, ...] | None] = None
    timeout: float = 0.5

    def settings(self, gateway: Gateway) -> dict[str, Any]:
        """The settings of an instance that talks to `gateway.url`, as they would stand in the file."""
        if self.network:
            raise NotImplementedError(
                f"{type(self).__name__} needs settings(gateway): the table of an instance, with gateway.url "
                f"as its base URL and self.timeout as its timeout; or make(gateway)"
            )
        return {}

    def make(self, gateway: Gateway) -> Provider:
        """A new instance that talks to `gateway.url`. By default made of `settings`, as a hub makes it."""
        kind = self._type()
        if kind is None:
            raise NotImplementedError(f"{type(self).__name__} has no provider_type and needs make(gateway)")
        return kind.build(INSTANCE, validate(kind.settings, self.settings(gateway), INSTANCE))

    def message(self, number: int = 0) -> Message:
        """A message that the vendor would take. Another number has another address.

        By default an SMS with a code to a mainland Chinese mobile.
        """
        return Message(
            channel=SMS,
            to=f"+861380013{8000 + number:04}",
            text=f"您的验证码是：48291{number}。请不要把验证码泄露给其他人。",
            variables={"code": f"48291{number}"},
        )

    def message_id(self, number: int) -> str:
        """An id as the vendor would give it; another number, another id."""
        return str(20240601120000000 + number)

    def accepting(self, message_id: str) -> Answer:
        """The vendor's answer to a message it takes, giving it this id."""
        raise NotImplementedError(
            f"{type(self).__name__} needs accepting(message_id): the vendor's good answer, as an Answer"
        )

    def refusing(self, words: str) -> Answer:
        """The vendor's refusal of a message, with `words` wherever the vendor explains itself."""
        raise NotImplementedError(
            f"{type(self).__name__} needs refusing(words): a refusal of the vendor's, as an Answer"
        )

    def recognise(self, request: Request, message: Message) -> bool:
        """Whether the request submits the message. By default its address or text is in it, readably."""
        return any(request.holds(words) for words in (_national(message), message.to, message.text))

    def _type(self) -> ProviderType | None:
        if not hasattr(type(self), "provider_type"):
            raise AssertionError(
                f"{type(self).__name__} needs provider_type: the ProviderType its plugin registers, "
                f"or None for a provider that is only ever given to a hub as a finished instance"
            )
        return self.provider_type

    def _good(self, number: int = 0) -> Answer:
        return self.accepting(self.message_id(number)) if self.network else Answer()

    def play(self, scene: Scene, *answers: Reaction, hurried: bool = False) -> None:
        """Run `scene(stage)` on an event loop of its own, with the gateway answering by script.

        hurried: the instance is made with the short `timeout` of the class, since an answer may not come
        at all; otherwise with a long one, so that no answer comes too late on a slow machine.
        """
        __tracebackhide__ = True

        async def play() -> None:
            async with Gateway(*answers) as gateway:
                await self._with(gateway, scene, hurried=hurried)

        asyncio.run(play())

    async def _with(self, gateway: Gateway, scene: Scene, *, hurried: bool = False) -> None:
        short = type(self).timeout
        self.timeout = short if hurried else max(short, _LONG)
        stage = Stage(gateway, self.make(gateway), self.message(), self.timeout + PATIENCE)
        try:
            await scene(stage)
        finally:
            await stage.close()

    def _prove_no_network(self) -> None:
        """Show that `network = False` is true: nothing is connected to, whatever is sent."""
        __tracebackhide__ = True

        async def scene(stage: Stage) -> None:
            with watch_connections() as connections:
                for number in range(3):
                    await stage.send(self.message(number))
            require(not connections, f"network = False, but a send connected to {connections}")
            require(not stage.gateway.connections, "network = False, but the gateway was asked")

        self.play(scene)

    def _secrets(self) -> tuple[str, ...]:
        """Every secret the instance is given: those of the settings that are marked, and those declared."""
        found = set(self.secrets or ())
        kind = self._type()
        if kind is not None:
            table = self.settings(Gateway())
            found.update(_secret_values(validate(kind.settings, table, INSTANCE)))
        return tuple(sorted(found))


def require(holds: bool, otherwise: str) -> None:
    """Fail with the sentence unless it holds."""
    __tracebackhide__ = True
    if not holds:
        raise AssertionError(otherwise)


def network_promise(promise: Callable[P, None]) -> Callable[P, None]:
    """A promise about the network: a provider that has none keeps it by proving that."""

    @functools.wraps(promise)
    def played(*arguments: P.args, **fixtures: P.kwargs) -> None:
        __tracebackhide__ = True
        contract: Any = arguments[0]
        if contract.network:
            promise(*arguments, **fixtures)
        else:
            contract._prove_no_network()

    return played


def _national(message: Message) -> str:
    return message.to.removeprefix("+86")


def _secret_values(model: BaseModel) -> Iterator[str]:
    values: list[Any] = [value for _, value in model]
    while values:
        value = values.pop()
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, SecretBytes):
            yield value.get_secret_value().decode("utf-8", "replace")
        elif isinstance(value, BaseModel):
            values.extend(inner for _, inner in value)
        elif isinstance(value, dict):
            values.extend(value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            values.extend(value)
