"""What can be known to be refused without asking: checked before the network, which then is not used.

A local refusal costs nothing, counts against no limit of the vendor's, and happens before the
account is blamed for it. Limits: API manual v3.3 (2018) and the web manual, facts section 5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from notifyhub.category import Category
from notifyhub.errors import InvalidAddress
from notifyhub.message import Message
from notifyhub.outcome import Outcome
from notifyhub.providers import Capabilities, refuse_unsupported
from notifyhub.reason import Reason
from notifyhub_ihuyi.settings import IhuyiSettings

__all__ = ["Submission", "has_emoji", "prepare", "refuse_template"]

_CARRIERS = frozenset({"mobile", "unicom", "telecom"})
_MOBILE = re.compile(r"1[0-9]{10}")
_BRACKETS = re.compile("[【】]")

# What phones draw in colour without being asked (Unicode's Emoji_Presentation), and what turns other
# characters into that: variation selector 16, the keycap, the tags of flags. ★ ☎ © are not emoji here.
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\U000e0020-\U000e007f\ufe0f\u20e3"
    "\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1"
    "\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd"
    "\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf"
    "\u2b1b\u2b1c\u2b50\u2b55]"
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Submission:
    """What goes to the gateway. Its repr shows neither number nor words.

    mobile: 11 digits without +86. content: the text, or in template mode the values joined by `|`.
    template_id: in template mode. private: what the vendor's words must not show.
    """

    mobile: str
    content: str
    template_id: str | None
    private: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Submission template={self.template_id}>"


def has_emoji(text: str) -> bool:
    """Whether the gateway would refuse the text with code 4074."""
    return _EMOJI.search(text) is not None


def prepare(message: Message, settings: IhuyiSettings, capabilities: Capabilities) -> Submission | Outcome:
    """What to submit for a message, or the refusal that needs no network. Never raises for a message."""
    try:
        refusal = _refuse(message, capabilities)
        if refusal is not None:
            return refusal
        mobile = message.phone.national
    except InvalidAddress:
        return Outcome.refused(Reason.INVALID_RECIPIENT, detail="not a phone number")
    content = _content(message, settings)
    if isinstance(content, Outcome):
        return content
    words, template_id = content
    # The values are private one by one as well: a code quoted out of its sentence is still the code.
    private = (mobile, words, *(value for value in message.variables.values() if len(value) >= 4))
    return Submission(mobile=mobile, content=words, template_id=template_id, private=private)


def refuse_template(content: str) -> Outcome | None:
    """The refusal of a template that the gateway cannot register; its slots are written `【变量】`."""
    return _refuse_words(content, brackets=True)


def _refuse(message: Message, capabilities: Capabilities) -> Outcome | None:
    """What is wrong with the channel, the number or the kind of message."""
    refusal = refuse_unsupported(message, capabilities)
    if refusal is not None:
        return refusal
    phone = message.phone
    if not phone.mobile:
        return Outcome.refused(Reason.INVALID_RECIPIENT, detail="a landline takes no texts")
    if phone.carrier not in _CARRIERS or not _MOBILE.fullmatch(phone.national):
        return Outcome.refused(Reason.UNSUPPORTED, detail=f"numbers of carrier {phone.carrier or 'unknown'}")
    if message.category is Category.MARKETING:
        return Outcome.refused(Reason.UNSUPPORTED, detail="no marketing on this product")
    return None


def _content(message: Message, settings: IhuyiSettings) -> tuple[str, str | None] | Outcome:
    """The `content` field and, in template mode, the template's id; or why there can be none.

    The operator's binding of the notice wins, then the notice's own where it says `template`.
    """
    configured = settings.bindings.get(message.notice) if message.notice is not None else None
    own = message.bindings.get("ihuyi")
    if configured is not None:
        slots = configured.slots or (own.slots if own is not None else ())
        return _template(message, configured.template_id, slots)
    if own is not None and own.send_as == "template" and own.template_id is not None:
        return _template(message, own.template_id, own.slots)
    return _refuse_words(message.text) or (message.text, None)


def _template(message: Message, template_id: str, slots: tuple[str, ...]) -> tuple[str, str] | Outcome:
    if not slots:
        return Outcome.refused(
            Reason.TEMPLATE_UNMATCHED, detail=f"template {template_id}: the binding names no slots"
        )
    missing = [slot for slot in slots if slot not in message.variables]
    if missing:
        return Outcome.refused(
            Reason.TEMPLATE_UNMATCHED, detail=f"template {template_id}: no variable {', '.join(missing)}"
        )
    values = [message.variables[slot] for slot in slots]
    # There is no escape for it: the vendor would read two values where one was meant.
    if any("|" in value for value in values):
        return Outcome.refused(Reason.CONTENT_UNSUPPORTED, detail="a value holds |, which separates values")
    content = "|".join(values)
    return _refuse_words(content) or (content, template_id)


def _refuse_words(content: str, *, brackets: bool = False) -> Outcome | None:
    if not content.strip():
        # As the gateway's 404: no other vendor can send nothing either.
        return Outcome.refused(Reason.CONTENT_REFUSED, detail="no words")
    if has_emoji(content):
        return Outcome.refused(Reason.CONTENT_UNSUPPORTED, detail="emoji")
    if not brackets and _BRACKETS.search(content):
        # Here the platform adds 【签名】 itself; a vendor that expects it in the text may take this one.
        return Outcome.refused(Reason.CONTENT_UNSUPPORTED, detail="【】: the platform adds the signature")
    try:
        content.encode()
    except UnicodeEncodeError:
        return Outcome.refused(Reason.CONTENT_UNSUPPORTED, detail="half a character (a lone surrogate)")
    return None
