"""Drawing: a message as a panel on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from typing import TextIO

from notifyhub.address import mask
from notifyhub.message import Message
from notifyhub_console.discretion import discreet

__all__ = ["Picture", "draw", "picture"]

_WIDEST = 80


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be seen of a message, nothing in it but printable characters and line ends."""

    head: str
    subject: str | None
    text: str
    foot: str


def picture(name: str, message: Message, *, reveal: bool) -> Picture:
    """What a person is to see of a message. name: the instance's. reveal: hide nothing."""
    to = message.to if reveal else mask(message.to)
    facts = [message.notice or "text", message.category.value, message.locale]
    if message.html is not None:
        facts.append(f"html of {len(message.html)} characters")
    words = [
        part if reveal or part is None else discreet(message, part)
        for part in (message.subject, message.text)
    ]
    subject, text = (None if part is None else _printable(part) for part in words)
    return Picture(
        head=_printable(f"{name}: {message.channel} to {to}").replace("\n", " "),
        subject=None if subject is None else subject.replace("\n", " "),
        text=text or "",
        foot=_printable(" · ".join(facts)).replace("\n", " "),
    )


def draw(shown: Picture, stream: TextIO) -> None:
    """Write a picture to a stream. Raises OSError or ValueError where the stream takes nothing."""
    if not (stream.isatty() and _panel(shown, stream)):
        stream.write(_encodable(_lines(shown), stream))
    stream.flush()


def _lines(shown: Picture) -> str:
    subject = [] if shown.subject is None else [f"  {shown.subject}"]
    body = [f"  {line}" if line else "" for line in shown.text.split("\n")]
    return "\n".join([f"[{shown.head} · {shown.foot}]", *subject, *body, ""])


def _panel(shown: Picture, stream: TextIO) -> bool:
    """Draw with rich; False where that cannot be done here."""
    if not (stream.encoding or "").lower().startswith("utf") or os.environ.get("TERM") == "dumb":
        return False
    try:
        from rich.console import Console, Group
        from rich.panel import Panel
        from rich.text import Text
    except ImportError:  # rich is an extra; plain lines say the same
        return False
    # Text, never markup: the words are a stranger's, and `[/]` in them is no instruction.
    body = [Text(shown.text)]
    if shown.subject is not None:
        body.insert(0, Text(shown.subject, style="bold"))
    console = Console(file=stream, highlight=False)
    panel = Panel(
        Group(*body),
        title=Text(shown.head, style="bold"),
        subtitle=Text(shown.foot, style="dim"),
        title_align="left",
        subtitle_align="right",
        border_style="cyan",
        width=min(_WIDEST, console.width),
    )
    console.print(panel)
    return True


def _printable(text: str) -> str:
    """Without what would steer a terminal: escape sequences, carriage returns, direction marks."""
    return "".join(
        character if character == "\n" or unicodedata.category(character)[0] != "C" else "�"
        for character in text.replace("\r\n", "\n").replace("\t", " ")
    )


def _encodable(text: str, stream: TextIO) -> str:
    """With `?` for what the stream's encoding lacks, as under a C locale."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
