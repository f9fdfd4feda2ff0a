"""RecordingProvider: a provider that keeps what it is given instead of sending it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from notifyhub.message import ANY_CHANNEL, Message
from notifyhub.outcome import Outcome
from notifyhub.providers import Capabilities, refuse_unsupported

__all__ = ["RecordingProvider"]


class RecordingProvider:
    """Keeps every message it is asked to send, and answers by script.

        recorder = RecordingProvider(outcomes=[Outcome.refused(Reason.BALANCE)])
        hub = Hub(providers={"sms": recorder})

    name: the instance's. channels: what it takes, everything by default; the rest is refused and not
    kept. outcomes: what the next sends come to, in order; after them everything is accepted, with ids
    `recorded-1`, `recorded-2`, ….
    """

    type_name = "recording"

    def __init__(
        self,
        name: str = "recording",
        *,
        channels: Iterable[str] = (ANY_CHANNEL,),
        outcomes: Iterable[Outcome] = (),
    ) -> None:
        self.name = name
        self.capabilities = Capabilities(channels=frozenset(channels))
        self._messages: list[Message] = []
        self._outcomes = deque(outcomes)
        self._accepted = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        """What it was asked to send, whatever it answered, in order."""
        return tuple(self._messages)

    @property
    def last(self) -> Message:
        """The newest message. Raises AssertionError where there is none."""
        if not self._messages:
            raise AssertionError(f"{self.name} was asked to send nothing")
        return self._messages[-1]

    def will_answer(self, *outcomes: Outcome) -> None:
        """What the next sends come to, after what is scripted already."""
        self._outcomes.extend(outcomes)

    def clear(self) -> None:
        """Forget the messages and the script."""
        self._messages.clear()
        self._outcomes.clear()

    async def send(self, message: Message) -> Outcome:
        """Keep the message and answer by script."""
        refusal = refuse_unsupported(message, self.capabilities)
        if refusal is not None:
            return refusal
        self._messages.append(message)
        if self._outcomes:
            return self._outcomes.popleft()
        self._accepted += 1
        return Outcome.accepted(f"recorded-{self._accepted}")

    async def aclose(self) -> None:
        """Nothing is held; the messages stay."""

    def __repr__(self) -> str:
        return f"<RecordingProvider {self.name}: {len(self._messages)} messages>"
