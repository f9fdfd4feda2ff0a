"""HttpReply: what a server answered, undigested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["HttpReply"]


@dataclass(frozen=True, slots=True, repr=False)
class HttpReply:
    """A whole answer. Its repr shows neither headers nor body, since vendors echo what they were sent.

    status: any; what it means is the provider's to say.
    headers: names in lower case; a header that came several times is joined by `, `.
    body: the raw bytes, at most the client's cap.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def date(self) -> datetime | None:
        """The server's clock by its Date header, aware; None if that is absent or nonsense."""
        text = self.headers.get("date")
        if text is None:
            return None
        try:
            date = parsedate_to_datetime(text)
        # The parser lets through what datetime's own constructor says to absurd numbers.
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
        # "-0000" means UTC with an unknown local zone, and is parsed as a naive time.
        return date if date.tzinfo is not None else date.replace(tzinfo=UTC)

    def __repr__(self) -> str:
        return f"<HttpReply {self.status}, {len(self.body)} bytes>"
