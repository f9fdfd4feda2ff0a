"""What the gateway's replies mean: a submission's Outcome, a balance, a template's id.

The two rules that matter (API manual v3.3): `smsid` is the serial number of an accepted message and `0`
otherwise. So code 2 *with* a serial number is an acceptance; another code *without* one is a
refusal, also where nobody knows the code; everything else may have gone out and is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from notifyhub.outcome import Outcome
from notifyhub.providers import Balance
from notifyhub.reason import Reason
from notifyhub_ihuyi.body import UTF_8, Fields, Unreadable, read_body
from notifyhub_ihuyi.codes import ACCEPTED, meaning_of
from notifyhub_ihuyi.words import clean

__all__ = ["RegisteredTemplate", "read_balance", "read_submit", "read_template", "serial_number"]

_SUBMIT = frozenset({"SubmitResult"})
# An error of GetNum has been seen under the other method's root; so it may be with AddTemplate.
_BALANCE = frozenset({"GetNumResult", "SubmitResult"})
_TEMPLATE = frozenset({"AddTemplateResult", "SubmitResult"})

# int() would take " 2 ", "02", "2_0", "２" and -0; a code is written in one way only.
_CODE = re.compile(r"0|[1-9][0-9]{0,8}")
_SERIAL = re.compile(r"[0-9]{1,20}")
_COUNT = re.compile(r"0|[1-9][0-9]{0,14}")
_TEMPLATE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)
_ASCII = re.compile("us-ascii|ascii", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RegisteredTemplate:
    """A template handed in for review. template_id: the vendor's; usable once it is approved."""

    template_id: str
    detail: str | None = None


def serial_number(text: str | None) -> str | None:
    """The text if it has the shape of a message's serial number: up to 20 ASCII digits, not all zeros."""
    return text if text is not None and _SERIAL.fullmatch(text) and text.strip("0") else None


def read_submit(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    private: tuple[str, ...] = (),
    parts: int | None = None,
    price: float | None = None,
) -> Outcome:
    """The Outcome of a submission; never raises, whatever the bytes.

    headers: names in lower case. private: what must not show in `detail` (number, text, key).
    parts, price: what an accepted message is billed.
    """
    try:
        fields = read_body(body, _SUBMIT)
    except Unreadable as problem:
        return _unknown(_transport_problem(status, headers) or str(problem), status)
    serial = serial_number(fields.get("smsid"))
    if problem_found := _transport_problem(status, headers):
        return _unknown(problem_found, status, serial)
    code = fields.get("code")
    if code is None or not _CODE.fullmatch(code):
        return _unknown("no readable code", status, serial)
    words = clean(fields.get("msg"), private)
    if code == ACCEPTED:
        if serial is None:
            return _unknown("accepted, but without a serial number", status, code=code)
        return Outcome.accepted(serial, code=code, detail=words, parts=parts, price=price)
    # An empty or null smsid carries no serial number either.
    if fields.get("smsid") not in (None, "", "0"):
        return _unknown("refused, but with a serial number", status, serial, code=code)
    return _refused(code, words)


def read_balance(
    status: int, headers: Mapping[str, str], body: bytes, *, private: tuple[str, ...] = ()
) -> Balance | Outcome:
    """The balance in messages (条), or why it is not known; an error is never a balance of 0."""
    fields = _read(status, headers, body, _BALANCE, private)
    if isinstance(fields, Outcome):
        return fields
    count = fields.get("num")
    if count is None or not _COUNT.fullmatch(count):
        return _unknown("no readable number of messages", status, code=ACCEPTED)
    return Balance(amount=int(count), unit="messages")


def read_template(
    status: int, headers: Mapping[str, str], body: bytes, *, private: tuple[str, ...] = ()
) -> RegisteredTemplate | Outcome:
    """The id of a registered template, or why there is none."""
    fields = _read(status, headers, body, _TEMPLATE, private)
    if isinstance(fields, Outcome):
        return fields
    template_id = fields.get("templateid")
    if template_id is None or not _TEMPLATE_ID.fullmatch(template_id) or not template_id.strip("0"):
        return _unknown("no readable template id", status, code=ACCEPTED)
    return RegisteredTemplate(template_id, clean(fields.get("msg"), private))


def _read(
    status: int, headers: Mapping[str, str], body: bytes, roots: frozenset[str], private: tuple[str, ...]
) -> Fields | Outcome:
    """The fields of a reply with code 2, else the Outcome that it is."""
    if problem := _transport_problem(status, headers):
        return _unknown(problem, status)
    try:
        fields = read_body(body, roots)
    except Unreadable as unreadable:
        return _unknown(str(unreadable), status)
    code = fields.get("code")
    if code is None or not _CODE.fullmatch(code):
        return _unknown("no readable code", status)
    return fields if code == ACCEPTED else _refused(code, clean(fields.get("msg"), private))


def _refused(code: str, words: str | None) -> Outcome:
    row = meaning_of(code)
    reason = row.reason or Reason.UNRECOGNISED_CODE
    return Outcome.refused(reason, code=code, detail=words or row.meaning, retry_after=row.retry_after)


def _unknown(detail: str, status: int, serial: str | None = None, *, code: str | None = None) -> Outcome:
    # The gateway's documents promise nothing for a server error: it may have been taken before.
    reason = Reason.PROVIDER_ERROR if status >= 500 else Reason.MALFORMED_REPLY
    return Outcome.unknown(reason, code=code, detail=detail, provider_message_id=serial)


def _transport_problem(status: int, headers: Mapping[str, str]) -> str | None:
    """What makes a reply worthless before its body is read: its status, or a charset of its own."""
    if status != 200:
        return f"HTTP {status}"
    charset = _CHARSET.search(headers.get("content-type", ""))
    if charset and not UTF_8.fullmatch(charset[1]) and not _ASCII.fullmatch(charset[1]):
        return "another charset"
    return None
