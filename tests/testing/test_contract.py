"""The contract finds what is wrong: for every promise there is a provider that breaks it."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import warnings
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from notifyhub import Capabilities, Message, Outcome, Provider, ProviderType, Reason
from notifyhub.http import HttpClient, HttpReply
from notifyhub.providers import refuse_unsupported
from notifyhub.testing import Answer, Gateway, ProviderContract

_TOKEN = "s3cret-pigeon-token"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str
    token: SecretStr
    timeout: float = 10.0


class Good:
    """Keeps every promise; the others differ from it in one thing each."""

    client_timeout: ClassVar[float | None] = None

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.capabilities = Capabilities(
            channels=frozenset({"sms"}), countries=frozenset({"CN"}), max_length=70
        )
        self.settings = settings
        self.token = settings.token.get_secret_value()
        self.http = HttpClient(timeout=self.client_timeout or settings.timeout)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def path(self, message: Message) -> str:
        return "/flights"

    def refuse(self, message: Message) -> Outcome | None:
        return refuse_unsupported(message, self.capabilities)

    async def post(self, message: Message) -> HttpReply | Outcome:
        body = {"to": message.to, "note": message.text}
        headers = {"authorization": f"Bearer {self.token}"}
        return await self.http.post(self.settings.base_url + self.path(message), json=body, headers=headers)

    async def send(self, message: Message) -> Outcome:
        refusal = self.refuse(message)
        if refusal is not None:
            return refusal
        reply = await self.post(message)
        return reply if isinstance(reply, Outcome) else self.read(reply)

    def read(self, reply: HttpReply) -> Outcome:
        try:
            found = json.loads(reply.body)
        except (ValueError, RecursionError):
            found = None
        flight = found.get("flight") if isinstance(found, dict) else None
        if reply.status == 201 and isinstance(flight, str) and flight:
            return Outcome.accepted(flight)
        if reply.status == 422 and isinstance(found, dict) and isinstance(found.get("error"), str):
            return Outcome.refused(Reason.CONTENT_REFUSED, detail=self.words(found))
        return Outcome.unknown(Reason.MALFORMED_REPLY, detail=f"HTTP {reply.status}")

    def words(self, found: dict[str, Any]) -> str | None:
        return None

    async def aclose(self) -> None:
        await self.http.aclose()


class Kept(ProviderContract):
    """Says what a pigeon needs; not collected, its name does not begin with Test."""

    provider: ClassVar[type[Any]] = Good
    provider_type = ProviderType(
        name="pigeon",
        channels=frozenset({"sms"}),
        settings=Settings,
        build=lambda name, settings: Good(name, settings),
    )

    def settings(self, gateway: Gateway) -> dict[str, Any]:
        return {"base_url": gateway.url, "token": _TOKEN, "timeout": self.timeout}

    def make(self, gateway: Gateway) -> Provider:
        made: Provider = self.provider("pigeon", self.type.settings.model_validate(self.settings(gateway)))
        return made

    @property
    def type(self) -> ProviderType:
        assert self.provider_type is not None
        return self.provider_type

    def accepting(self, message_id: str) -> Answer:
        return Answer.json({"flight": message_id}, 201)

    def refusing(self, words: str) -> Answer:
        return Answer.json({"error": "no-grain", "message": words}, 422)


class TestGood(Kept):
    """A provider that keeps everything breaks nothing."""


class Trusting(Good):
    def read(self, reply: HttpReply) -> Outcome:
        found = json.loads(reply.body) if reply.body.endswith(b"}") else {}
        return Outcome.accepted(str(found.get("flight", "none")) if isinstance(found, dict) else "none")


class Raising(Good):
    def read(self, reply: HttpReply) -> Outcome:
        return Outcome.accepted(json.loads(reply.body)["flight"])


class RaisingSecrets(Good):
    def read(self, reply: HttpReply) -> Outcome:
        if reply.status != 201:
            raise RuntimeError(f"answer to {self.token}")
        return super().read(reply)


class Retrying(Good):
    async def send(self, message: Message) -> Outcome:
        outcome = await super().send(message)
        return await super().send(message) if outcome.reason is Reason.INTERRUPTED else outcome


class Optimist(Good):
    async def send(self, message: Message) -> Outcome:
        outcome = await super().send(message)
        return Outcome.not_sent() if outcome.reason in (Reason.INTERRUPTED, Reason.TIMEOUT) else outcome


class Pessimist(Good):
    async def send(self, message: Message) -> Outcome:
        outcome = await super().send(message)
        return Outcome.unknown(Reason.TIMEOUT) if outcome.reason is Reason.UNREACHABLE else outcome


class Patient(Good):
    client_timeout = 60.0


class PerChunk(Good):
    """What a bare HTTP client's timeout is: one for each read."""

    async def post(self, message: Message) -> HttpReply | Outcome:
        async with httpx.AsyncClient(timeout=self.settings.timeout, trust_env=False) as client:
            reply = await client.post(self.settings.base_url + "/flights", json={"to": message.to})
        return HttpReply(reply.status_code, reply.headers, reply.content)


class Obedient(Good):
    async def post(self, message: Message) -> HttpReply | Outcome:
        reply = await super().post(message)
        if isinstance(reply, HttpReply) and "location" in reply.headers:
            return await self.http.post(self.settings.base_url + reply.headers["location"])
        return reply


class Swallowing(Good):
    async def send(self, message: Message) -> Outcome:
        try:
            return await super().send(message)
        except asyncio.CancelledError:
            return Outcome.unknown(Reason.INTERRUPTED)


class Quoting(Good):
    def words(self, found: dict[str, Any]) -> str | None:
        return str(found.get("message"))


class Logging(Good):
    async def send(self, message: Message) -> Outcome:
        logging.getLogger("pigeon").debug("sending to %s", message.to)
        return await super().send(message)


class Printing(Good):
    async def send(self, message: Message) -> Outcome:
        print(message.text)
        return await super().send(message)


class Warned(Good):
    async def send(self, message: Message) -> Outcome:
        warnings.warn(f"{self.token} is about to expire", stacklevel=1)
        return await super().send(message)


class InTheUrl(Good):
    def path(self, message: Message) -> str:
        return f"/flights?token={self.token}"


class NumberInTheUrl(Good):
    def path(self, message: Message) -> str:
        return f"/flights/{message.phone.national}"


class Showing(Good):
    def __repr__(self) -> str:
        return f"<Pigeon {self.token}>"


class Shared(Good):
    _shared: ClassVar[dict[str, HttpClient]] = {}

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        last = self._shared.get("client")
        # As a module-level client would do: kept from one instance to the next.
        self.http = last if last is not None and not last._closed else self.http
        self._shared["client"] = self.http


class Mixing(Good):
    last: HttpReply | Outcome

    async def send(self, message: Message) -> Outcome:
        refusal = self.refuse(message)
        if refusal is not None:
            return refusal
        self.last = await self.post(message)
        await asyncio.sleep(0.1)
        return self.last if isinstance(self.last, Outcome) else self.read(self.last)


class Careless(Good):
    def refuse(self, message: Message) -> Outcome | None:
        return None


class ClosingOnce(Good):
    closed = False

    async def aclose(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True
        await super().aclose()


class Undead(Good):
    async def aclose(self) -> None:
        await super().aclose()
        self.http = HttpClient(timeout=self.settings.timeout)


class Chatty(Good):
    async def send(self, message: Message) -> Outcome:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as telemetry:
            telemetry.sendto(b"sent one", ("127.0.0.1", 9))
        return await super().send(message)


class Eager(Good):
    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        with socket.socket() as probe:
            probe.settimeout(0.1)
            probe.connect_ex(("127.0.0.1", 9))


class Anonymous(Good):
    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__("", settings)


_NETWORK = ["test_nonsense_is_unknown", "test_half_an_answer_is_unknown"]


@pytest.mark.parametrize(
    ("provider", "promises"),
    [
        (Trusting, ["test_what_the_vendor_refuses_is_refused", *_NETWORK]),
        (Raising, _NETWORK),
        (RaisingSecrets, ["test_nothing_private_in_an_exception", "test_nonsense_is_unknown"]),
        (Retrying, ["test_a_hang_up_is_unknown", "test_nothing_is_sent_twice"]),
        (
            Optimist,
            ["test_a_hang_up_is_unknown", "test_a_read_timeout_is_unknown", "test_nonsense_is_unknown"],
        ),
        (Pessimist, ["test_no_connection_is_not_sent"]),
        (Patient, ["test_a_read_timeout_is_unknown"]),
        (PerChunk, ["test_the_deadline_is_total"]),
        (Obedient, ["test_no_redirect_is_followed"]),
        (Swallowing, ["test_cancellation_propagates"]),
        (Quoting, ["test_nothing_private_in_an_outcome"]),
        (Logging, ["test_nothing_private_in_logs_or_output"]),
        (Printing, ["test_nothing_private_in_logs_or_output"]),
        (Warned, ["test_nothing_private_in_logs_or_output"]),
        (InTheUrl, ["test_nothing_private_in_a_url"]),
        (NumberInTheUrl, ["test_nothing_private_in_a_url"]),
        (Showing, ["test_nothing_private_in_a_repr"]),
        (Shared, ["test_instances_share_nothing"]),
        (Mixing, ["test_sends_at_once_do_not_mix"]),
        (Careless, ["test_what_it_cannot_carry_is_refused"]),
        (ClosingOnce, ["test_closing_twice_is_harmless"]),
        (Undead, ["test_a_send_after_closing_sends_nothing"]),
        (Chatty, ["test_nobody_else_is_asked"]),
        (Eager, ["test_making_an_instance_does_no_io"]),
        (Anonymous, ["test_it_is_a_provider"]),
    ],
)
def test_each_fault_is_found(
    provider: type[Good], promises: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """A provider with one thing wrong breaks the promises about that, and is told so in words."""
    contract = type("Broken", (Kept,), {"provider": provider})()
    for promise in promises:
        fixtures = {"capfd": capfd} if promise.endswith("logs_or_output") else {}
        with pytest.raises(AssertionError) as caught:
            getattr(contract, promise)(**fixtures)
        told = str(caught.value)
        # The failure lands in the logs of a CI service, so it must not show what it complains about.
        assert _TOKEN not in told or provider is RaisingSecrets
        assert told


def test_a_lie_about_the_network_is_found(capfd: pytest.CaptureFixture[str]) -> None:
    """`network = False` drops no promise about the network: each proves it, and fails where it is a lie."""
    contract = type("Lying", (Kept,), {"network": False})()
    for promise in (
        "test_a_read_timeout_is_unknown",
        "test_nonsense_is_unknown",
        "test_nobody_else_is_asked",
    ):
        with pytest.raises(AssertionError, match=r"connected to|also asked"):
            getattr(contract, promise)()


class Open(BaseModel):
    base_url: str
    token: SecretStr
    timeout: float = 10.0


class Readable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str
    token: str
    timeout: float = 10.0


@pytest.mark.parametrize(
    ("settings", "promise"),
    [
        (Open, "test_settings_are_frozen_and_closed"),
        (Open, "test_settings_errors_show_no_secret"),
        (Readable, "test_settings_show_no_secret"),
        (Readable, "test_the_secrets_are_known"),
    ],
)
def test_careless_settings_are_found(settings: type[BaseModel], promise: str) -> None:
    """A settings model that is open, readable or quoted in errors breaks the promises about settings."""
    kind = ProviderType(name="pigeon", channels=frozenset({"sms"}), settings=settings, build=Good)
    contract = type("Broken", (Kept,), {"provider_type": kind})()
    with pytest.raises(AssertionError):
        getattr(contract, promise)()


def test_a_wrong_claim_about_ids_is_found() -> None:
    """`gives_ids = False` is checked as well: an id that comes all the same breaks it."""
    contract = type("Denying", (Kept,), {"gives_ids": False})()
    with pytest.raises(AssertionError, match="gives_ids"):
        contract.test_what_the_vendor_takes_is_accepted()


def test_what_the_author_has_not_said_is_asked_for() -> None:
    """A contract that lacks the author's part says which part, and what belongs there."""
    for missing in ("accepting", "refusing", "settings"):
        bare = type("Bare", (ProviderContract,), {"provider_type": TestGood.provider_type})()
        with pytest.raises(NotImplementedError, match=f"needs {missing}"):
            getattr(bare, missing)(Gateway())
    with pytest.raises(AssertionError, match="needs provider_type"):
        type("Bare", (ProviderContract,), {})().test_it_is_a_provider()


def test_each_promise_is_a_sentence() -> None:
    """Every test of the contract has a docstring: the promise itself."""
    promises = [name for name in dir(ProviderContract) if name.startswith("test_")]
    assert len(promises) >= 25
    assert all((getattr(ProviderContract, name).__doc__ or "").strip().endswith(".") for name in promises)


def test_the_watch_leaves_no_trace() -> None:
    """What the kit does to the loggers of the process is undone, and its audit hook is there once."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers), sys.getprofile())
    contract = TestGood()
    contract.test_nobody_else_is_asked()
    assert (root.level, list(root.handlers), sys.getprofile()) == before
