"""What nobody may learn from a provider but the vendor: secrets, numbers, codes."""

from __future__ import annotations

import asyncio
import base64
import traceback
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

import pytest

from notifyhub.message import Message
from notifyhub.outcome import Outcome
from notifyhub.testing.answer import Answer
from notifyhub.testing.contract.base import Contract, Stage, network_promise, require
from notifyhub.testing.gateway import Gateway, Reaction
from notifyhub.testing.watch import watch_logs

__all__ = ["SecrecyPromises"]

Look = Callable[[Stage, list[Outcome]], None]
_SHORT = 4
"""Variables shorter than this are found everywhere by chance."""


class SecrecyPromises(Contract):
    """Whatever happens: logs, outcomes, errors and URLs stay free of secrets, numbers and codes."""

    @network_promise
    def test_nothing_private_in_a_url(self) -> None:
        """URLs end up in the logs of every machine on the way: no secret, number or code is in one."""

        async def scene(stage: Stage) -> None:
            await stage.send()
            for request in stage.gateway.requests:
                found = _found(self._private(stage.message), [request.target])
                require(not found, f"in the URL of a {request.method} request: {found}")

        self.play(scene, self._good())

    def test_nothing_private_in_an_outcome(self) -> None:
        """Whatever the vendor says, quoting the request included, an outcome's words tell nothing private."""

        def look(stage: Stage, outcomes: list[Outcome]) -> None:
            for outcome in outcomes:
                found = _found(self._private(stage.message), [repr(outcome), str(outcome)])
                require(not found, f"in an outcome that is {outcome.kind}, {outcome.reason}: {found}")

        self._tour(look)

    def test_nothing_private_in_logs_or_output(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Logs (every logger, DEBUG and up), warnings, standard output and error tell nothing private."""
        with watch_logs() as logged:
            self._tour(lambda stage, outcomes: None)
        printed = capfd.readouterr()
        private = self._private(self.message())
        for where, texts in {"the logs": logged, "the output": [printed.out, printed.err]}.items():
            found = _found(private, texts)
            require(not found, f"in {where}: {found}")

    def test_nothing_private_in_a_repr(self) -> None:
        """`repr` and `str` of the instance show no secret, before and after a send."""

        async def scene(stage: Stage) -> None:
            for _ in range(2):
                shown = [repr(stage.provider), str(stage.provider), f"{stage.provider}"]
                found = _found(self._private(stage.message), shown)
                require(not found, f"in the repr of the provider: {found}")
                await stage.send()

        self.play(scene, self._good())

    def test_nothing_private_in_an_exception(self) -> None:
        """Whatever `send` raises all the same (it should not), the traceback tells nothing private."""

        async def scene(stage: Stage) -> None:
            for answer in self._rude_answers(stage.message):
                stage.gateway.answer_with(answer)
                try:
                    await asyncio.wait_for(stage.provider.send(stage.message), stage.limit)
                except Exception as error:  # noqa: BLE001 - its class is another promise's business
                    told = "".join(traceback.format_exception_only(error))
                    cause = "".join(traceback.format_exception_only(error.__cause__ or error))
                    found = _found(self._private(stage.message), [told, cause])
                    require(not found, f"in a {type(error).__name__} from send: {found}")

        self.play(scene, self._good(), hurried=True)

    def test_the_secrets_are_known(self) -> None:
        """The kit knows what must not be shown: at least one secret, or a declaration that there is none."""
        known = self._secrets()
        require(
            not self.network or self.secrets is not None or bool(known),
            'no secret is known: give the settings a SecretStr field, or declare secrets = ("…",), '
            "or secrets = () for a vendor that asks for none",
        )
        short = [len(secret) for secret in known if len(secret) < 2 * _SHORT]
        require(not short, f"a test secret of {short} characters is found by chance; make it longer")

    def _tour(self, look: Look) -> None:
        """Let everything happen once: acceptance, refusal, rudeness, faults, no connection."""
        __tracebackhide__ = True
        outcomes: list[Outcome] = []

        async def scene(stage: Stage) -> None:
            for answer in (self._good(), *self._rude_answers(stage.message)):
                stage.gateway.answer_with(answer)
                outcomes.append(await stage.send())
            look(stage, outcomes)

        self.play(scene, self._good(), hurried=True)

        async def unreachable() -> None:
            async with Gateway() as gateway:
                pass
            await self._with(gateway, scene_of_one, hurried=True)

        async def scene_of_one(stage: Stage) -> None:
            outcomes[:] = [await stage.send()]
            look(stage, outcomes)

        asyncio.run(unreachable())

    def _rude_answers(self, message: Message) -> list[Reaction]:
        """Faults, and answers that quote what the vendor knows: all that is private, and the request.

        Quoted in bodies. httpcore logs the headers of every reply at DEBUG, whoever uses it; where a
        vendor puts something private there, `notifyhub.log.install_redaction` is what helps.
        """
        if not self.network:
            return [Answer()]
        plain = [forms[0] for forms in self._private(message).values()]
        words = " ".join(plain)
        quoting = self.refusing(words)
        return [
            quoting,
            *(self.refusing(text) for text in plain),
            lambda request: self.refusing(request.body.decode("utf-8", "replace")),
            lambda request: self.refusing(" ".join(request.headers.values())),
            Answer(words.encode()),
            Answer(quoting.body, 500, quoting.headers),
            Answer(quoting.body, 302, {**quoting.headers, "Location": "/elsewhere"}),
            quoting.cut(len(quoting.body) // 2),
            Answer.hang_up(),
            Answer.reset(),
            Answer.raw(words.encode()),
            Answer.silence(),
        ]

    def _private(self, message: Message) -> dict[str, tuple[str, ...]]:
        """What must not be shown, by what to call it in a failure that must not show it either."""
        private: dict[str, tuple[str, ...]] = {}
        for number, secret in enumerate(self._secrets()):
            forms = (secret, quote(secret, safe=""), quote_plus(secret), *_in_base64(secret))
            private[f"secret number {number}"] = tuple(dict.fromkeys(forms))
        national = message.phone.national if message.to.startswith("+") else message.to
        private["the address"] = tuple(dict.fromkeys((message.to, national)))
        for name, value in message.variables.items():
            if len(value) >= _SHORT:
                private[f"the variable {name}"] = (value,)
        private["the text"] = (message.text,)
        return private


def _in_base64(secret: str) -> Iterator[str]:
    """What base64 makes of the secret wherever in a longer text it stands (`user:secret`)."""
    for before in range(3):
        encoded = base64.b64encode(b"-" * before + secret.encode()).decode().rstrip("=")
        # The first and the last characters are shared with the neighbours.
        yield encoded[(0, 2, 3)[before] : len(encoded) - 1]


def _found(private: dict[str, tuple[str, ...]], texts: Iterable[str]) -> str:
    """What of it is in the texts, by name; "" where nothing is."""
    whole = "\n".join(texts)
    return ", ".join(what for what, forms in private.items() if any(form in whole for form in forms))
