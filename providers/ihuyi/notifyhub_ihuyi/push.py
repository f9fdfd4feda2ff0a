"""What the gateway pushes: receipts (回执), replies (上行), template reviews.

Nothing of it is signed and no source addresses are published, so everything here may be a forger's.
The answer is `success` whatever came: the vendor repeats a push (at most 3 times) that is answered
otherwise, which mends nothing, and a forger learns nothing from it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl

from notifyhub.address import parse_phone
from notifyhub.errors import InvalidAddress
from notifyhub.outcome import Receipt, Reply, TemplateReview
from notifyhub.providers import ParsedPush, Push, PushAnswer, PushEvent
from notifyhub_ihuyi.reply import serial_number
from notifyhub_ihuyi.words import clean

__all__ = ["ACKNOWLEDGEMENT", "MAX_PUSH", "parse_push"]

ACKNOWLEDGEMENT = PushAnswer(200, "success")
"""Exactly this word, also for a receipt that says "failed" (API manual v3.3)."""

MAX_PUSH = 65536
"""Bytes, or characters of form fields, above which a push is not read."""

DELIVERED = APPROVED = "2"
_REJECTED = "0"

# The mainland has had one time and no summer time since 1991; a fixed offset needs no tzdata.
_SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
_TIME = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_NUMBER = re.compile(r"[+]?[0-9]{5,15}")
_CODE = re.compile(r"[\x21-\x7e]{1,64}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class _Unreadable(Exception):
    """`str()` says why, without quoting."""


def parse_push(provider: str, push: Push) -> ParsedPush:
    """The event in a push to the instance `provider`, or `problem`. Never raises for what was sent.

    A multipart form is read by the web framework only: give it as `push.form`.
    """
    try:
        event = _event(provider, _fields(push))
    except _Unreadable as problem:
        return ParsedPush((), ACKNOWLEDGEMENT, str(problem))
    return ParsedPush((event,), ACKNOWLEDGEMENT)


def _fields(push: Push) -> Mapping[str, str]:
    if push.method.upper() != "POST":
        raise _Unreadable("not a POST")
    if push.form is not None:
        if sum(len(name) + len(value) for name, value in push.form.items()) > MAX_PUSH:
            raise _Unreadable(f"more than {MAX_PUSH} characters")
        return push.form
    if len(push.body) > MAX_PUSH:
        raise _Unreadable(f"more than {MAX_PUSH} bytes")
    try:
        pairs = parse_qsl(
            push.body.decode("utf-8"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=50,
        )
    except UnicodeDecodeError:
        raise _Unreadable("not UTF-8") from None
    except ValueError:
        raise _Unreadable("too many fields") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _Unreadable("a field that occurs twice")
    return fields


def _event(provider: str, fields: Mapping[str, str]) -> PushEvent:
    """Told apart by their fields: a review has `templateid`, a receipt `code`, a reply only `content`."""
    if "templateid" in fields:
        return _review(provider, fields)
    if "code" in fields:
        return _receipt(provider, fields)
    if "content" in fields:
        return _reply(provider, fields)
    raise _Unreadable("neither a receipt nor a reply nor a template review")


def _receipt(provider: str, fields: Mapping[str, str]) -> Receipt:
    code = fields["code"]
    if not _CODE.fullmatch(code):
        raise _Unreadable("a receipt without a readable code")
    # The marketing product calls it task_id.
    serial = serial_number(fields.get("smsid")) or serial_number(fields.get("task_id"))
    if serial is None:
        raise _Unreadable("a receipt without a serial number")
    address = _address(fields)
    return Receipt(
        provider=provider,
        provider_message_id=serial,
        delivered=code == DELIVERED,
        address=address,
        code=code,
        detail=clean(fields.get("msg"), (address.removeprefix("+86"),)),
        reported_at=_time(fields.get("report_time")),
    )


def _reply(provider: str, fields: Mapping[str, str]) -> Reply:
    return Reply(
        provider=provider,
        address=_address(fields),
        text=_said(fields["content"]),
        provider_message_id=serial_number(fields.get("smsid")),
        received_at=_time(fields.get("reply_time")),
    )


def _said(content: str) -> str:
    """A person's words as they are, save what only a terminal or a broken form could mean anything by."""
    return "".join(c for c in content if c in "\n\r\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def _review(provider: str, fields: Mapping[str, str]) -> TemplateReview:
    template_id, verdict = fields["templateid"], fields.get("code")
    if not _ID.fullmatch(template_id):
        raise _Unreadable("a template review without a readable id")
    if verdict not in (APPROVED, _REJECTED):
        raise _Unreadable("a template review without a verdict")
    return TemplateReview(
        provider=provider,
        template_id=template_id,
        approved=verdict == APPROVED,
        detail=clean(fields.get("msg"), ()),
    )


def _address(fields: Mapping[str, str]) -> str:
    number = fields.get("mobilephone", "")
    if not _NUMBER.fullmatch(number):
        raise _Unreadable("no readable phone number")
    try:
        return parse_phone(number).e164
    except InvalidAddress:
        raise _Unreadable("a phone number that cannot exist") from None


def _time(text: str | None) -> datetime | None:
    """A time of the vendor's, which carries no zone, as an aware one; None where it is none."""
    if text is None or not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=_SHANGHAI)
    except ValueError:
        return None
