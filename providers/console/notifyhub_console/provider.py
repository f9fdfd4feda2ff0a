"""ConsoleProvider: an ordinary provider whose vendor is the person at the terminal."""

from __future__ import annotations

import sys

from notifyhub.message import ANY_CHANNEL, Message
from notifyhub.outcome import Outcome
from notifyhub.providers import Capabilities
from notifyhub.reason import Reason
from notifyhub_console.drawing import draw, picture
from notifyhub_console.settings import ConsoleSettings

__all__ = ["ConsoleProvider"]


class ConsoleProvider:
    """Prints each message. Takes every channel.

    name: the instance's.
    """

    type_name = "console"

    def __init__(self, name: str, settings: ConsoleSettings) -> None:
        self.name = name
        self.capabilities = Capabilities(channels=frozenset({ANY_CHANNEL}))
        self._settings = settings

    def __repr__(self) -> str:
        return f"<ConsoleProvider {self.name}>"

    async def send(self, message: Message) -> Outcome:
        """Print the message; accepted once it is written."""
        # Looked up each time: tests, notebooks and the command line put other streams in their place.
        stream = sys.stdout if self._settings.stream == "stdout" else sys.stderr
        if stream is None or stream.closed:  # None under pythonw and some services
            return Outcome.not_sent(Reason.UNREACHABLE, detail=f"{self._settings.stream} is closed")
        shown = picture(self.name, message, reveal=self._settings.reveal)
        try:
            draw(shown, stream)
        except (OSError, ValueError) as error:
            # A pipe whose reader has gone, a full disk: some of it may have been read.
            return Outcome.unknown(Reason.INTERRUPTED, detail=type(error).__name__)
        return Outcome.accepted(f"console-{message.id}")

    async def aclose(self) -> None:
        """The streams are not ours to close."""
