"""Discretion: the words of a message with nothing in them that a bystander could use.

What is hidden depends on what the message is for: an order number is the point of an order notice,
the same digits in a login message are a key. In doubt it is hidden: whoever needs to see it whole
sets `reveal = true`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from notifyhub.address import mask
from notifyhub.category import Category
from notifyhub.message import Message

__all__ = ["discreet"]

_SHORTEST_SECRET = 3
"""Characters: the 5 of "valid for 5 minutes" is no secret, and hiding every 5 would hide the sense."""

# Finished words come with no category of their own, so a code is told by the words around it.
_SPEAKS_OF_A_CODE = re.compile(
    r"验证码|校验码|确认码|动态码|随机码|提取码|动态密码|密码|口令|驗證碼|密碼"
    r"|\b(codes?|otp|pin|pass(word|code)s?|verification)\b",
    re.IGNORECASE,
)
# `482913`, `482 913`, `48-29-13`, and `G7K2P9`: letters count only where a digit is among them.
_CODE = re.compile(r"\d(?:[ .\-]?\d){3,}|\b(?=[A-Za-z]*\d)[A-Za-z\d]{4,}\b")
_PHONE = re.compile(
    r"(?<![\dA-Za-z])(?:\+[ ]?\d(?:[ .\-()]{0,2}\d){6,14}"
    r"|(?:(?:00)?86[ \-]?)?1[3-9]\d(?:[ \-]?\d{4}){2})(?!\d)"
)
_MAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")


def discreet(message: Message, words: str) -> str:
    """The words of a message (its text or its subject) without codes, phone numbers and mail addresses."""
    # A notice says by its category whether it holds a code; a login alert only advises to change a password.
    secret = message.category is Category.OTP or (
        message.notice is None and _SPEAKS_OF_A_CODE.search(message.text) is not None
    )
    if message.category is Category.OTP:
        words = _without(words, message.variables.values())
    words = _MAIL.sub(lambda found: mask(found[0]), words)
    words = _PHONE.sub(lambda found: _masked_phone(found[0]), words)
    if secret:
        words = _CODE.sub(lambda found: _stars(found[0]), words)
    # An address of another kind (a chat name, a landline) is known only by being the recipient.
    return words.replace(message.to, mask(message.to)) if len(message.to) > _SHORTEST_SECRET else words


def _without(words: str, values: Iterable[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            words = words.replace(value, _stars(value))
    return words


def _stars(text: str) -> str:
    return re.sub(r"\w", "*", text)


def _masked_phone(written: str) -> str:
    digits = re.sub(r"\D", "", written)
    if written.startswith("+"):
        return mask(f"+{digits}")
    return mask(f"+86{digits[-11:]}")
