"""What the network and the vendor may do, and what `send` says then (facts: docs/explanation/unknown.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from notifyhub.outcome import OutcomeKind
from notifyhub.testing.answer import Answer
from notifyhub.testing.contract.base import Contract, Stage, network_promise, require
from notifyhub.testing.gateway import Gateway
from notifyhub.testing.nonsense import Nonsense, nonsense, truncations

__all__ = ["FaultPromises"]

_REDIRECTS = (301, 302, 303, 307, 308)


class FaultPromises(Contract):
    """An uncertain attempt is UNKNOWN, a proof that nothing left is NOT_SENT, and nothing is sent twice."""

    @network_promise
    def test_no_connection_is_not_sent(self) -> None:
        """Where nobody listens, nothing left this machine: NOT_SENT."""

        async def play() -> None:
            async with Gateway() as gateway:
                pass  # its port is free again, and refuses

            async def scene(stage: Stage) -> None:
                await stage.sends_to(OutcomeKind.NOT_SENT, after="a refused connection")

            await self._with(gateway, scene)

        asyncio.run(play())

    @network_promise
    def test_a_read_timeout_is_unknown(self) -> None:
        """A request that is read and never answered may have been obeyed: UNKNOWN, in time, and sent once."""
        self._is_unknown_and_sent_once("silence", Answer.silence())

    @network_promise
    def test_the_deadline_is_total(self) -> None:
        """A byte now and then prolongs no attempt: the deadline holds against a drip, in head or body."""
        pause = type(self).timeout / 8
        self._is_unknown_and_sent_once("an answer that drips in", self._good().dripped(pause))
        self._is_unknown_and_sent_once("a body that drips for ever", Answer.endless(b" ", every=pause))

    @network_promise
    def test_a_hang_up_is_unknown(self) -> None:
        """A connection closed or reset after the request was read proves nothing: UNKNOWN, and sent once."""
        self._is_unknown_and_sent_once("a hang-up after reading", Answer.hang_up())
        self._is_unknown_and_sent_once("a reset after reading", Answer.reset())

    @network_promise
    def test_nothing_is_sent_twice(self) -> None:
        """One `send` is one request at most: no retry, neither on a fresh connection nor on a stale one."""

        async def unread(stage: Stage) -> None:
            outcome = await stage.send(after="a hang-up before reading")
            require(
                outcome.kind in (OutcomeKind.UNKNOWN, OutcomeKind.NOT_SENT),
                f"a connection closed before the answer is UNKNOWN; send said: {outcome}",
            )
            require(stage.gateway.connections == 1, f"{stage.gateway.connections} connections for one send")

        self.play(unread, Answer.hang_up_unread(), hurried=True)

        async def stale(stage: Stage) -> None:
            await stage.sends_to(OutcomeKind.ACCEPTED, after="a good answer")
            await asyncio.sleep(0.05)  # the FIN arrives
            await stage.send(self.message(1), after="the end of an idle connection")
            require(stage.gateway.count <= 2, f"{stage.gateway.count} requests for two sends")

        self.play(stale, self._good(0).last(), self._good(1))

    @network_promise
    def test_nonsense_is_unknown(self) -> None:
        """An answer that makes no sense never raises, is never ACCEPTED and never a proof: UNKNOWN.

        HTTP 4xx and 503 may be REFUSED, where the vendor's documents make them so.
        """
        self._is_never_accepted(nonsense(self._good()))

    @network_promise
    def test_half_an_answer_is_unknown(self) -> None:
        """A good answer that was cut short is UNKNOWN, whether or not its length was announced."""
        self._is_never_accepted(truncations(self._good()))

    @network_promise
    def test_no_redirect_is_followed(self) -> None:
        """A redirect would carry the number and the key to somebody else: it is not followed."""
        answers = [Answer(b"", status, {"Location": "/elsewhere"}) for status in _REDIRECTS]

        async def scene(stage: Stage) -> None:
            for status in _REDIRECTS:
                await stage.send(after=f"HTTP {status}")
            where = [request.path for request in stage.gateway.requests if request.path == "/elsewhere"]
            require(not where, f"{len(where)} redirects were followed")
            require(
                stage.gateway.count == len(_REDIRECTS),
                f"{stage.gateway.count} requests for {len(_REDIRECTS)} sends",
            )

        self.play(scene, *answers, hurried=True)

    def _is_unknown_and_sent_once(self, what: str, answer: Answer) -> None:
        __tracebackhide__ = True

        async def scene(stage: Stage) -> None:
            await stage.sends_to(OutcomeKind.UNKNOWN, after=what)
            require(stage.gateway.count == 1, f"{stage.gateway.count} requests for one send, after {what}")

        self.play(scene, answer, hurried=True)

    def _is_never_accepted(self, corpus: Iterable[Nonsense]) -> None:
        """Send once for each, on one instance; tell all that went wrong together."""
        __tracebackhide__ = True
        broken: list[str] = []

        async def scene(stage: Stage) -> None:
            sends = 0
            for one in corpus:
                stage.gateway.answer_with(one.answer)
                sends += 1
                try:
                    outcome = await stage.send(after=one.name)
                except AssertionError as error:
                    broken.append(str(error))
                    continue
                refused = one.may_refuse and outcome.kind is OutcomeKind.REFUSED
                if outcome.kind is not OutcomeKind.UNKNOWN and not refused:
                    broken.append(f"{one.name}: {outcome}")
                if stage.gateway.count != sends:
                    broken.append(f"{one.name}: {stage.gateway.count - sends:+} requests")
                    sends = stage.gateway.count

        # All of these end by themselves: a short timeout would only let a slow machine be called a fault.
        self.play(scene, self._good())
        lines = "\n  ".join(broken)
        require(not broken, f"{len(broken)} answers are not UNKNOWN, or not after one request:\n  {lines}")
