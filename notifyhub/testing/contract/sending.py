"""The plain life of a provider: accept, refuse, be cancelled, serve many at once, be closed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from notifyhub.message import ANY_CHANNEL, SMS, VOICE, Message
from notifyhub.outcome import Outcome, OutcomeKind
from notifyhub.providers import Capabilities
from notifyhub.reason import Reason
from notifyhub.testing.answer import Answer
from notifyhub.testing.contract.base import PATIENCE, Contract, Stage, network_promise, require
from notifyhub.testing.gateway import Gateway, Request
from notifyhub.testing.watch import watch_connections

__all__ = ["SendingPromises"]

_SEVERAL = 8
_NUMBERS = {"CN": "+8613800138000", "US": "+14155552671", "GB": "+447400123456", "JP": "+819012345678"}
_NOBODYS = "x-nobodys"
"""A channel that no provider knows."""


class SendingPromises(Contract):
    """What a hub and its other instances rely on."""

    def test_it_is_a_provider(self) -> None:
        """It has a name and its capabilities, and those do not exceed its type's."""

        async def scene(stage: Stage) -> None:
            name, can = stage.provider.name, stage.provider.capabilities
            require(isinstance(name, str) and name != "", f"name is {name!r}, not the instance's name")
            require(isinstance(can, Capabilities), f"capabilities are a {type(can).__name__}")
            kind = self._type()
            if kind is not None and ANY_CHANNEL not in kind.channels:
                more = can.channels - kind.channels
                require(not more, f"the instance takes {sorted(more)}, its ProviderType does not")

        self.play(scene)

    def test_what_the_vendor_takes_is_accepted(self) -> None:
        """A message the vendor takes is ACCEPTED, with the id the vendor gave it, in one request."""

        async def scene(stage: Stage) -> None:
            outcome = await stage.sends_to(OutcomeKind.ACCEPTED, after="a good answer")
            self._check_id(outcome, self.message_id(0))
            if self.network:
                require(stage.gateway.count == 1, f"{stage.gateway.count} requests for one send")

        self.play(scene, self._good())

    @network_promise
    def test_what_the_vendor_refuses_is_refused(self) -> None:
        """A refusal of the vendor's is REFUSED, with a reason."""

        async def scene(stage: Stage) -> None:
            await stage.sends_to(OutcomeKind.REFUSED, after="a refusal of the vendor's")

        self.play(scene, self.refusing("no"))

    def test_nobody_else_is_asked(self) -> None:
        """A send connects to the vendor and to nobody else; without a network, to nobody at all."""

        async def scene(stage: Stage) -> None:
            with watch_connections() as connections:
                await stage.send()
            vendor = {f"127.0.0.1:{stage.gateway.port}", "name 127.0.0.1"} if self.network else set()
            require(set(connections) <= vendor, f"a send also asked {sorted(set(connections) - vendor)}")

        self.play(scene, self._good())

    def test_what_it_cannot_carry_is_refused(self) -> None:
        """A channel, country or length beyond its capabilities is REFUSED before the network, not dropped."""

        async def scene(stage: Stage) -> None:
            can = stage.provider.capabilities
            if ANY_CHANNEL not in can.channels:
                other = replace(stage.message, channel=_NOBODYS)
                await _is_refused(stage, other, "an unknown channel", {Reason.UNSUPPORTED})
            if can.countries is not None and can.channels & {SMS, VOICE, ANY_CHANNEL}:
                outside = next((n for c, n in _NUMBERS.items() if c not in can.countries), None)
                if outside is not None:
                    channel = SMS if can.takes_channel(SMS) else VOICE
                    far = replace(stage.message, channel=channel, to=outside)
                    await _is_refused(stage, far, "a country it does not reach", {Reason.UNSUPPORTED})
            if can.max_length is not None:
                long = replace(stage.message, text="x" * (can.max_length + 1))
                reasons = {Reason.UNSUPPORTED, Reason.CONTENT_UNSUPPORTED}
                await _is_refused(stage, long, "a text that is too long", reasons)

        self.play(scene, self._good())

    def test_sends_at_once_do_not_mix(self) -> None:
        """Of several sends at once each gets its own id, in whatever order the vendor answers."""
        messages = [self.message(number) for number in range(_SEVERAL)]
        require(
            len({message.to for message in messages}) == _SEVERAL,
            "message(number) must give each number another address",
        )
        strangers: list[Request] = []

        def answer(request: Request) -> Answer:
            for number, message in enumerate(messages):
                if self.recognise(request, message):
                    # The first asked is answered last.
                    return replace(self._good(number), delay=0.2 * (1 - number / _SEVERAL))
            strangers.append(request)
            return self._good()

        async def scene(stage: Stage) -> None:
            outcomes = await asyncio.gather(*(stage.send(message) for message in messages))
            require(
                not strangers,
                "no message of these is readable in the request: define recognise(request, message)",
            )
            for number, outcome in enumerate(outcomes):
                require(outcome.kind is OutcomeKind.ACCEPTED, f"of {_SEVERAL} sends at once one is {outcome}")
                self._check_id(outcome, self.message_id(number))
            ids = {outcome.provider_message_id for outcome in outcomes}
            require(not self.gives_ids or len(ids) == _SEVERAL, f"{_SEVERAL} sends share {len(ids)} ids")

        self.play(scene, answer)

    def test_cancellation_propagates(self) -> None:
        """A cancelled send ends at once with CancelledError, and the instance goes on working."""

        async def scene(stage: Stage) -> None:
            sending = asyncio.create_task(stage.provider.send(stage.message))
            if self.network:
                await asyncio.wait_for(stage.gateway.wait_for_requests(1), stage.limit)
            else:
                await asyncio.sleep(0)  # it has begun, and may be over
            over = sending.done()
            sending.cancel()
            await asyncio.wait({sending}, timeout=PATIENCE)
            require(sending.done(), f"a cancelled send was still running after {PATIENCE} s")
            require(over or sending.cancelled(), "send swallowed its cancellation")
            stage.gateway.answer_with(self._good(1))
            outcome = await stage.send(self.message(1), after="an earlier cancellation")
            require(outcome.kind is OutcomeKind.ACCEPTED, f"after a cancelled send the next one is {outcome}")
            self._check_id(outcome, self.message_id(1))

        self.play(scene, Answer.silence())

    def test_closing_twice_is_harmless(self) -> None:
        """`aclose` may be called before any send, and twice."""

        async def unused(stage: Stage) -> None:
            await stage.close()

        async def used(stage: Stage) -> None:
            await stage.send()
            await stage.close()
            await stage.close()

        self.play(unused, self._good())
        self.play(used, self._good())

    def test_a_send_after_closing_sends_nothing(self) -> None:
        """A send that comes after `aclose` does not raise; over a network it is NOT_SENT, and is not sent."""

        async def scene(stage: Stage) -> None:
            await stage.send()
            await stage.close()
            asked = stage.gateway.count
            outcome = await stage.send(self.message(1), after="closing")
            if self.network:
                require(outcome.kind is OutcomeKind.NOT_SENT, f"after closing, send said: {outcome}")
                require(stage.gateway.count == asked, "a closed instance sent a request")

        self.play(scene, self._good())

    @network_promise
    def test_instances_share_nothing(self) -> None:
        """Two instances of one type have their own gateway each, and closing one leaves the other open."""

        async def play() -> None:
            async with Gateway(self._good(0)) as here, Gateway(self._good(1)) as there:

                async def both(first: Stage) -> None:
                    async def scene(second: Stage) -> None:
                        one, two = await asyncio.gather(first.send(), second.send())
                        self._check_id(one, self.message_id(0))
                        self._check_id(two, self.message_id(1))
                        require(here.count == there.count == 1, "one instance used the other's gateway")
                        await first.close()
                        again = await second.send(self.message(2), after="the other instance's closing")
                        require(again.kind is OutcomeKind.ACCEPTED, f"after another's closing: {again}")

                    await self._with(there, scene)

                await self._with(here, both)

        asyncio.run(play())

    def _check_id(self, outcome: Outcome, expected: str) -> None:
        __tracebackhide__ = True
        given = outcome.provider_message_id
        if not self.gives_ids:
            require(given is None, "gives_ids = False, but an accepted outcome has an id")
        elif self.network:
            require(given == expected, "an accepted outcome has not the id that the vendor gave the message")
        else:
            require(bool(given), "an accepted outcome has no id; say gives_ids = False if it never has")


async def _is_refused(stage: Stage, message: Message, what: str, reasons: set[Reason]) -> None:
    __tracebackhide__ = True
    outcome = await stage.send(message, after=what)
    words = " or ".join(sorted(reasons))
    require(
        outcome.kind is OutcomeKind.REFUSED and outcome.reason in reasons,
        f"{what} is refused as {words}; send said: {outcome}",
    )
    require(stage.gateway.count == 0, f"{what} was refused only after a request")
