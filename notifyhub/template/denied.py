"""What no variable may carry, whatever its type: what would turn a shop's message into somebody else's.

A value comes from a form field or an order; the words around it come from the shop, and so does the
trust. A value that holds a link, a second signature or an invisible character borrows that trust.
"""

from __future__ import annotations

import re
import unicodedata

from notifyhub.template.tlds import TOP_LEVEL_DOMAINS

__all__ = ["find_denied", "find_link", "fold"]

# NFKC would turn Chinese punctuation into ASCII (，→ ,); these are kept as the caller wrote them.
_KEPT = "，：；！？（）～"
_KEPT_RUN = re.compile(f"([{_KEPT}]+)")

_BRACKETS = frozenset("【】〖〗[]〔〕「」『』〘〙〚〛⟦⟧⟬⟭")
# Invisible, but neither Cc nor Cf: they would hide a link from the rules below.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Emoji that are neither So nor Me: dashes, marks, squares and the left-right arrow.
_ODD_EMOJI = frozenset("〰〽↔◻◼◽◾")
_PLAIN_SYMBOLS = frozenset("°©®")

_SCHEME = re.compile(
    r"://|www\.\w|\b(?:https?|ftp|mailto|tel|sms|javascript|data|intent|weixin|alipays?|tbopen|taobao):\S",
    re.ASCII,
)
_IP_LINK = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?/", re.ASCII)
_PUNCTUATION = r"\s!-/:-@\[-^`{-~，：；！？（）、。“”‘’《》—…"
# A dot that ends a label. Browsers read the Chinese full stop as one, too; here it counts between
# ASCII only, where no sentence ends.
_DOT = re.compile(rf"(?!\A)(?<![{_PUNCTUATION}])\.|(?<=[a-z0-9])[。｡](?=[a-z])")
_WORD = re.compile(rf"[^{_PUNCTUATION}]{{2,63}}+")
# 「访问t.cn领取」 is a link to a phone, and so is `t.cn-x`: ASCII letters end where those of others begin.
_ASCII_WORD = re.compile(r"[a-z]{2,63}(?![a-z0-9_])")


def fold(text: str) -> str:
    """NFKC, except that Chinese punctuation (，：；！？（）～) stays full-width."""
    if text.isascii():
        return text
    if not _KEPT_RUN.search(text):
        return unicodedata.normalize("NFKC", text)
    return "".join(
        part if part[:1] in _KEPT else unicodedata.normalize("NFKC", part)
        for part in _KEPT_RUN.split(text)
        if part
    )


def find_denied(text: str) -> str | None:
    """What a value holds that none may hold, in words without the value; None where it is clean.

    Looks at the NFKC form: brackets as signatures use them, `@`, `|`, control, format, private and
    invisible characters, emoji, links (see `find_link`).
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    for character in plain:
        problem = _character(character)
        if problem:
            return problem
    if _INVISIBLE.search(plain):
        return "an invisible character"
    return find_link(plain)


def find_link(text: str) -> str | None:
    """A URL or bare domain in a text in NFKC form, said without quoting it; None where there is none.

    A domain is a label, a dot and a top-level domain that exists, in any case of letters: `t.cn` is
    one, `Chrome 120.0`, `Node.js` and `St.Petersburg` are none. Neither is an IP address without a
    path (`1.2.3.4`), which looks like a version. What looks like a link to a phone though it is meant
    as a name (`ASP.NET`, `Co.Ltd`) is refused: the phone would show it as one.
    """
    if "." not in text and ":" not in text and "。" not in text and "｡" not in text:
        return None
    lowered = text.lower()
    if _SCHEME.search(lowered) or _IP_LINK.search(lowered):
        return "a web address"
    for dot in _DOT.finditer(lowered):
        if lowered.startswith("xn--", dot.end()):
            return "a web domain"
        for word in (_ASCII_WORD.match(lowered, dot.end()), _WORD.match(lowered, dot.end())):
            if word is not None and word[0] in TOP_LEVEL_DOMAINS:
                return "a web domain"
    return None


def _character(character: str) -> str | None:
    if character in _BRACKETS:
        return "a bracket that signatures use"
    if character == "@":
        return "an @"
    if character == "|":
        return "a | (vendors separate variables by it)"
    if character.isascii() and character.isprintable():
        return None
    category = unicodedata.category(character)
    match category:
        case "Cc" | "Cf" | "Cs" | "Co" | "Cn" | "Zl" | "Zp":
            return "a control or invisible character"
        case "So" if character not in _PLAIN_SYMBOLS:
            return "an emoji or symbol"
        case "Me":
            return "an emoji or symbol"
        case "Sk" if ord(character) > 0xFFFF:
            return "an emoji or symbol"
    return "an emoji or symbol" if character in _ODD_EMOJI else None
