"""Answer: what the scripted gateway does with one request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Self

__all__ = ["Answer", "Conduct"]


class Conduct(StrEnum):
    """How the gateway goes about an answer."""

    WHOLE = "whole"
    """Send it and keep the connection."""
    LAST = "last"
    """Send it, then close the connection without having said so."""
    RAW = "raw"
    """Send the body as it stands, without any HTTP around it, and close."""
    CUT = "cut"
    """Announce the whole body, send the first `at` bytes of it, and close."""
    DRIP = "drip"
    """Send status line, headers and body byte by byte, one every `delay` seconds."""
    ENDLESS = "endless"
    """Send the body again and again, chunked, one every `delay` seconds, for as long as anybody listens."""
    SILENCE = "silence"
    """Read the request and say nothing."""
    HANG_UP = "hang_up"
    """Read the request and close."""
    RESET = "reset"
    """Read the request and reset the connection (RST)."""
    UNREAD = "unread"
    """Close the new connection before reading anything."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `Answer(b"…")` and `Answer.json({…})` are whole; the other makers are faults.

    headers: beside Content-Length, which the gateway adds. delay: seconds before it (with `drip` and
    `endless`: between the pieces). at: with `cut`, the bytes of the body that are sent.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    conduct: Conduct = Conduct.WHOLE
    delay: float = 0.0
    at: int = 0

    @classmethod
    def json(cls, value: Any, status: int = 200, **changes: Any) -> Self:
        """A whole answer with a JSON body. changes: other fields of Answer."""
        body = json.dumps(value, ensure_ascii=False).encode()
        return cls(body, status, {"Content-Type": "application/json"}, **changes)

    @classmethod
    def silence(cls) -> Self:
        """The request is read, and no answer ever comes."""
        return cls(conduct=Conduct.SILENCE)

    @classmethod
    def hang_up(cls) -> Self:
        """The request is read, then the connection is closed."""
        return cls(conduct=Conduct.HANG_UP)

    @classmethod
    def hang_up_unread(cls) -> Self:
        """The connection is closed as soon as it is made."""
        return cls(conduct=Conduct.UNREAD)

    @classmethod
    def reset(cls) -> Self:
        """The request is read, then the connection is reset."""
        return cls(conduct=Conduct.RESET)

    @classmethod
    def raw(cls, data: bytes) -> Self:
        """Bytes that need not be HTTP, then the end of the connection."""
        return cls(data, conduct=Conduct.RAW)

    @classmethod
    def endless(cls, piece: bytes = b" " * 4096, every: float = 0.0) -> Self:
        """A body that never ends: the piece, again and again."""
        return cls(piece, conduct=Conduct.ENDLESS, delay=every)

    def dripped(self, every: float) -> Answer:
        """The same answer, a byte every so many seconds."""
        return Answer(self.body, self.status, self.headers, Conduct.DRIP, every)

    def cut(self, at: int) -> Answer:
        """The same answer, whose connection closes after so many bytes of the body."""
        return Answer(self.body, self.status, self.headers, Conduct.CUT, at=at)

    def last(self) -> Answer:
        """The same answer, after which the gateway closes the connection without having said so."""
        return Answer(self.body, self.status, self.headers, Conduct.LAST)

    def with_body(self, body: bytes) -> Answer:
        """The same status and headers around another body."""
        return Answer(body, self.status, self.headers)

    def head(self, length: int | None) -> bytes:
        """The status line and headers on the wire; length None announces chunks."""
        phrase = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Whatever"
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = [f"HTTP/1.1 {self.status} {phrase}", framing]
        if self.status == HTTPStatus.NO_CONTENT:
            lines.pop()  # a 204 has no body to announce
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
