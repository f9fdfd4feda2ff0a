"""What the simulator remembers: every request that arrived and every message it accepted.

Their ``repr`` never shows a key, a password, a text or a whole number, so that a failing assertion or a log
line of a test does not print them. The attributes themselves are untouched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl

from .wire import Connection, RawRequest

__all__ = ["Request", "Submission", "mask_number", "read_form", "read_request"]

_FORM = "application/x-www-form-urlencoded"


def mask_number(number: str) -> str:
    """A phone number fit to be shown: the first three and the last four digits, or nothing at all."""
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 11 else "***"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Request:
    """One HTTP request as it arrived, good or bad."""

    verb: str
    """``GET``, ``POST``, …"""
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name; a header that came twice is joined with a comma."""
    fields: Mapping[str, str]
    """The form fields: of the body for POST, of the query for GET. The last of two equal names counts."""
    body: bytes
    connection: int
    """Which TCP connection it came over; the first is 1."""
    client: str
    """The caller's IP address."""
    received_at: float
    """Unix seconds, by the gateway's clock."""

    def __repr__(self) -> str:
        shown = [f"{self.verb} {self.path}", f"method={self.query.get('method', '')[:16]}"]
        if "mobile" in self.fields:
            shown.append(f"mobile={mask_number(self.fields['mobile'])}")
        shown.append(f"fields={len(self.fields)}")
        shown.append(f"connection={self.connection}")
        return f"<Request {' '.join(shown)}>"


def read_request(raw: RawRequest, connection: Connection, received_at: float) -> Request:
    """The request with its query and its fields taken apart."""
    path, _, query = raw.target.partition("?")
    in_query = read_form(query)
    fields = in_query if raw.verb == "GET" else {}
    if raw.verb == "POST" and raw.headers.get("content-type", "").partition(";")[0].strip() == _FORM:
        fields = read_form(raw.body.decode("utf-8", "replace"))
    return Request(
        verb=raw.verb,
        path=path,
        query=MappingProxyType(in_query),
        headers=MappingProxyType(raw.headers),
        fields=MappingProxyType(fields),
        body=raw.body,
        connection=connection.number,
        client=connection.client,
        received_at=received_at,
    )


def read_form(text: str) -> dict[str, str]:
    """Form fields as PHP reads them: UTF-8, blanks kept, the last of two equal names wins."""
    return dict(parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace"))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Submission:
    """One message that the gateway accepted for sending, whatever it answered afterwards."""

    smsid: str
    """20 digits, larger than an int64 holds."""
    account: str
    mobile: str
    content: str
    """As submitted: the text, or in template mode the values joined by ``|``."""
    text: str
    """What the phone would show, without the platform's signature."""
    template_id: str | None
    parts: int
    """What it cost, in messages."""
    accepted_at: float
    """Unix seconds, by the gateway's clock."""
    request: Request

    def __repr__(self) -> str:
        return f"<Submission {self.smsid} to {mask_number(self.mobile)} template={self.template_id}>"
