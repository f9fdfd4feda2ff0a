"""What is redacted inside a text: registered secrets, passwords beside their names, numbers, addresses."""

from __future__ import annotations

import re
from json import dumps
from threading import Lock
from urllib.parse import quote, quote_plus

from notifyhub.address import mask

__all__ = ["BLOT", "SECRET_NAME", "clean_text", "protect"]

BLOT = "[redacted]"
"""What stands where a secret was."""

MAX_SECRETS = 1000
MAX_TEXT = 65536

_PRIVATE = (
    r"pass_?word|passwd|pass_?phrase|pwd|secret|token|authorization|cookie|pepper|credential|api_?key"
    r"|(?:access|private|signing|sign|encryption|hmac|account|auth)_?key"
    r"|(?:otp|login|auth|verify|verification|captcha|sms)_?code"
)
SECRET_NAME = re.compile(rf"{_PRIVATE}|^otp$|^pin$|^sign(?:ature)?$")
"""Matches the names of secrets (in lower case, with _ for -). A vendor's plain `code` is none."""

_PERSONAL = r"content|text|body|subject|html|variables|mobile|phone"

# What cannot hold anything to redact, beside registered secrets: most values are a short word.
_SUSPECT = re.compile(r"[@=:?]|\d{3}|[0-9a-fA-F]{32}")

_ID = re.compile(r"[0-9a-f]{16,64}")

_QUERY = re.compile(r"""([?&][^\s=&?#"'<>]{1,100}=)[^\s&#"'<>]+""")
_USER_INFO = re.compile(r"(://)[^\s/@\"'<>]{1,200}@")
_HEADER = re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)([\"']?\s*[:=]\s*)([\"']?)[^\r\n\"']+")
_VALUE = r"""("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&"'}\])]+)"""
_NAMED_SECRET = re.compile(
    rf"(?i)([\w-]{{0,40}}(?:{_PRIVATE.replace('_?', '[_-]?')})[\w-]{{0,40}}[\"']?\s*[:=]\s*){_VALUE}"
)
_NAMED_PERSONAL = re.compile(rf"(?i)(\b(?:{_PERSONAL})(?:=|[\"']\s*:\s*)){_VALUE}")
_KEY_THEN_HEX = re.compile(
    r"(?i)((?:key|secret|token|password|sign)\w{0,10}[^0-9a-z]{1,5})[0-9a-f]{32}(?![0-9a-f])"
)
_MAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
# Ids come first, so that the digits inside them are not taken for a number: UUIDs, and every run of 16 or
# more hex digits (delivery ids, message ids of 20 digits, nanoseconds).
_PHONE = re.compile(
    r"(?P<id>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|[0-9a-fA-F]{16,})"
    r"|(?:(?<![0-9])|(?<=%[0-9a-fA-F][0-9]))(?:"
    r"(?:(?:\+|00)?86[-. ]?)?[1１][3-9３-９]\d(?:[-. ]?\d{4}){2}(?![0-9])"
    r"|\+(?=[1-9])(?:[-. ()]{0,2}\d){7,15}(?![0-9])"
    r")"
)

# What a former redaction left stays as it is, so that redacting twice changes nothing.
_MASKED = re.compile(r"""["']?\+?\d{0,4}\*{3,}\d{0,4}["']?""")

_secrets: dict[str, None] = {}
_secrets_lock = Lock()
_writings: tuple[tuple[str, re.Pattern[str] | None], ...] = ()


def protect(value: str) -> None:
    """Blot this exact string wherever it would be logged, as it is and as URLs and JSON write it.

    For the secrets of settings (keys, passwords, tokens), once each; not for what differs by message. The
    newest 1000 are kept. One of fewer than 6 characters is blotted where it stands as a word by itself,
    since everywhere it would make logs unreadable. An empty one is ignored.
    """
    global _writings
    if not value or value in _secrets:
        return
    with _secrets_lock:
        _secrets[value] = None
        if len(_secrets) > MAX_SECRETS:
            del _secrets[next(iter(_secrets))]
        texts = {text for secret in _secrets for text in _ways_to_write(secret)}
        # The longest first: one secret may begin with another.
        _writings = tuple((text, _as_word(text)) for text in sorted(texts, key=len, reverse=True))


def _ways_to_write(secret: str) -> tuple[str, ...]:
    return (
        *(secret, quote(secret), quote(secret, safe=""), quote_plus(secret)),
        *(dumps(secret)[1:-1], dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]),
    )


def _as_word(text: str) -> re.Pattern[str] | None:
    return None if len(text) >= 6 else re.compile(rf"(?<![^\W_]){re.escape(text)}(?![^\W_])")


def clean_text(text: str) -> str:
    """The text without secrets, its numbers and addresses masked. Cut after 65536 characters."""
    for secret, word in _writings:
        if secret in text:
            text = text.replace(secret, BLOT) if word is None else word.sub(BLOT, text)
    if len(text) > MAX_TEXT:
        # Without its last word, which may be the beginning of something.
        text = text[:MAX_TEXT].rpartition(" ")[0] + " …"
    if not _SUSPECT.search(text) or _ID.fullmatch(text):
        return text
    if "=" in text or ":" in text:
        text = _HEADER.sub(rf"\1\2\3{BLOT}", text)
        text = _NAMED_SECRET.sub(_blot_value, text)
        text = _NAMED_PERSONAL.sub(_blot_value, text)
        text = _QUERY.sub(rf"\1{BLOT}", text)
        text = _USER_INFO.sub(rf"\1{BLOT}@", text)
    text = _KEY_THEN_HEX.sub(rf"\1{BLOT}", text)
    if "@" in text:
        text = _MAIL.sub(lambda found: mask(found[0]), text)
    return _PHONE.sub(_mask_phone, text)


def _blot_value(found: re.Match[str]) -> str:
    name, value = found[1], found[2]
    if value.strip("\"'") in ("", BLOT, BLOT[:-1]) or _MASKED.fullmatch(value):
        return found[0]
    quote_mark = value[0] if value[0] in "\"'" else ""
    return f"{name}{quote_mark}{BLOT}{quote_mark}"


def _mask_phone(found: re.Match[str]) -> str:
    if found["id"]:
        return found[0]
    digits = "".join(character for character in found[0] if character.isdigit())
    digits = digits.removeprefix("00")
    if len(digits) == 11 and not found[0].startswith("+"):
        return mask(digits)
    return mask(f"+{digits}")
