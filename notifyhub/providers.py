"""The provider contract: what a vendor adapter is, and the small abilities it may have besides.

A provider type comes from a plugin; a provider instance is a type with settings and a name. Several
instances of one type are normal and share nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from notifyhub.message import ANY_CHANNEL, Message
from notifyhub.outcome import Outcome, Receipt, Reply, TemplateReview
from notifyhub.quota import LimitRule
from notifyhub.reason import Reason
from notifyhub.simulation import Demo, Simulator

__all__ = [
    "Balance",
    "Capabilities",
    "ChecksMessages",
    "CountsParts",
    "FunctionProvider",
    "HasBalance",
    "HasEndpoint",
    "NoSettings",
    "ParsedPush",
    "ParsesPushes",
    "Provider",
    "ProviderType",
    "Push",
    "PushAnswer",
    "PushEvent",
    "VendorCode",
    "provider",
    "refuse_unsupported",
    "refused_beforehand",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can carry. What it cannot is refused (`unsupported`), never dropped silently.

    channels: of these, or of any if it holds `"*"`.
    countries: ISO 3166 alpha-2 of the phone numbers it reaches; None where every country is.
    max_length: characters of text it takes; None where there is no limit of its own.
    limits: how often its vendor takes messages to a number, or the same words. Where `[policies]` has
    `vendor_limits = true` they are kept before the vendor has to refuse.
    """

    channels: frozenset[str]
    countries: frozenset[str] | None = None
    max_length: int | None = None
    limits: tuple[LimitRule, ...] = ()

    def takes_channel(self, channel: str) -> bool:
        """Whether messages of this channel can be given to the provider."""
        return channel in self.channels or ANY_CHANNEL in self.channels


class Provider(Protocol):
    """A vendor adapter with its settings.

    send: submit once. Returns an Outcome for everything the world can do, nonsense replies included;
        it raises only for bugs, and lets cancellation through. No retries inside: the hub decides.
    aclose: release what is held; calling it twice is harmless.
    """

    @property
    def name(self) -> str:
        """The instance's name, as routes and logs call it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can carry."""
        ...

    async def send(self, message: Message) -> Outcome:
        """Submit the message once and say what came of it."""
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderType:
    """What a plugin registers: how to make instances.

    name: what `type = "…"` in settings says. channels: what its instances can carry at most.
    settings: a pydantic model, without the `type` key; unknown keys are refused by notifyhub.
    build: `(instance name, settings) -> Provider`; does no I/O.
    summary: one line for `notifyhub providers list`.
    codes: the vendor's codes and what they mean here, for `notifyhub codes`.
    simulator, demo: for `notifyhub simulate` and `notifyhub demo`.
    """

    name: str
    channels: frozenset[str]
    settings: type[BaseModel]
    build: Callable[[str, Any], Provider]
    summary: str = ""
    codes: tuple[VendorCode, ...] = ()
    simulator: Simulator | None = None
    demo: Demo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorCode:
    """One row of a vendor's code table. reason: None where the code means accepted."""

    code: str
    meaning: str
    reason: Reason | None
    retry_after: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is left on an account: `amount` in `unit` (`messages`, or a currency code)."""

    amount: float
    unit: str


@runtime_checkable
class HasBalance(Protocol):
    """A provider that can say what is left on its account."""

    async def balance(self) -> Balance | Outcome:
        """What is left, or the Outcome that tells why it cannot be known; never 0 for an error."""
        ...


@runtime_checkable
class HasEndpoint(Protocol):
    """A provider that can tell where its vendor listens, for `notifyhub check --online`."""

    @property
    def endpoint(self) -> str:
        """The URL of the vendor's API, http or https; no secret in its host or port."""
        ...


@runtime_checkable
class ChecksMessages(Protocol):
    """A provider that can tell before the network what it would refuse."""

    def check(self, message: Message) -> Outcome | None:
        """The refusal that `send` would come to without asking the vendor, else None. Does nothing else."""
        ...


@runtime_checkable
class CountsParts(Protocol):
    """A provider that can tell how many parts its vendor bills; for budgets, which count before sending."""

    def parts(self, message: Message) -> int:
        """So many parts the message will be billed as, at most; with what the vendor adds to it."""
        ...


class Push(BaseModel):
    """A request a vendor made to the application, as its web framework received it.

    body: the raw bytes. form: the parsed form fields, where the framework has read the body already.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    method: str = "POST"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    form: Mapping[str, str] | None = None

    def __repr__(self) -> str:
        return f"<Push {self.method} {len(self.body)} bytes>"

    __str__ = __repr__


class PushAnswer(NamedTuple):
    """What to answer a vendor's push with: an HTTP status and a plain-text body."""

    status: int
    body: str


PushEvent = Receipt | Reply | TemplateReview


@dataclass(frozen=True, slots=True)
class ParsedPush:
    """What a push says, and the acknowledgement the vendor waits for."""

    events: tuple[PushEvent, ...]
    answer: PushAnswer
    problem: str | None = field(default=None)
    """Why the push could not be read; describes, does not quote."""


@runtime_checkable
class ParsesPushes(Protocol):
    """A provider whose vendor pushes receipts or replies."""

    def parse_push(self, push: Push) -> ParsedPush:
        """Read a push. Never raises for what the vendor (or a forger) sent."""
        ...


class NoSettings(BaseModel):
    """The settings of a provider that needs none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def refuse_unsupported(message: Message, capabilities: Capabilities) -> Outcome | None:
    """The refusal of what a provider with these capabilities cannot carry, or None where it can."""
    detail = None
    if not capabilities.takes_channel(message.channel):
        detail = f"channel {message.channel}"
    elif capabilities.countries is not None and message.country not in capabilities.countries:
        detail = f"numbers of {message.country or 'no country'}"
    elif capabilities.max_length is not None and len(message.text) > capabilities.max_length:
        return Outcome.refused(
            Reason.CONTENT_UNSUPPORTED,
            detail=f"{len(message.text)} characters, {capabilities.max_length} at most",
        )
    return Outcome.refused(Reason.UNSUPPORTED, detail=detail) if detail else None


def refused_beforehand(provider: Provider, message: Message) -> Outcome | None:
    """The refusal that this message surely comes to at this provider, told without any network."""
    refusal = refuse_unsupported(message, provider.capabilities)
    if refusal is None and isinstance(provider, ChecksMessages):
        checked: object = provider.check(message)
        # A stranger's `check` may be about something else altogether.
        if inspect.iscoroutine(checked):
            checked.close()
        refusal = checked if isinstance(checked, Outcome) and not checked.may_have_gone else None
    return refusal


SendFunction = Callable[..., Awaitable[Outcome]]


class FunctionProvider:
    """A provider made of one async function; what the decorator `provider` returns.

    It is a finished instance (`Hub(providers={"sms": pigeon})`) and a plugin at once
    (`Plugins().register(pigeon)`, then `type = "pigeon"` in settings).
    """

    def __init__(
        self,
        name: str,
        capabilities: Capabilities,
        send: SendFunction,
        settings: type[BaseModel],
        values: Any,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self._send = send
        self._settings = settings
        self._values = values
        self.__doc__ = send.__doc__

    @property
    def type(self) -> ProviderType:
        """The provider type, to make instances with settings of."""
        return ProviderType(
            name=self.name,
            channels=self.capabilities.channels,
            settings=self._settings,
            build=lambda name, values: FunctionProvider(
                name, self.capabilities, self._send, self._settings, values
            ),
            summary=(self._send.__doc__ or "").strip().partition("\n")[0],
        )

    async def send(self, message: Message) -> Outcome:
        """Refuse what the capabilities exclude, then call the function."""
        refusal = refuse_unsupported(message, self.capabilities)
        if refusal is not None:
            return refusal
        if self._settings is NoSettings:
            return await self._send(message)
        return await self._send(message, self._values)

    async def aclose(self) -> None:
        """Nothing is held."""


def provider(
    name: str,
    *,
    channels: Iterable[str],
    countries: Iterable[str] | None = None,
    max_length: int | None = None,
    settings: type[BaseModel] = NoSettings,
) -> Callable[[SendFunction], FunctionProvider]:
    """Make a provider of an async function `(message) -> Outcome`, or `(message, settings) -> Outcome`.

    channels, countries, max_length: see `Capabilities`; what they exclude never reaches the function.
    """
    capabilities = Capabilities(
        channels=frozenset(channels),
        countries=None if countries is None else frozenset(countries),
        max_length=max_length,
    )

    def decorate(send: SendFunction) -> FunctionProvider:
        values = NoSettings() if settings is NoSettings else None
        return FunctionProvider(name, capabilities, send, settings, values)

    return decorate
