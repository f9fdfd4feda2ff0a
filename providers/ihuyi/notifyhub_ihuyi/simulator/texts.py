"""What the gateway knows of a text: its cost, emoji, signature brackets, the form of a number."""

import re

__all__ = ["FIRST_PART", "LATER_PART", "MOBILE", "has_brackets", "has_emoji", "is_code", "parts"]

MOBILE = re.compile(r"1[3-9][0-9]{9}")
"""A number as the gateway wants it: 11 digits without +86."""

_BRACKETS = re.compile("[【】]")

# Characters that are drawn as emoji by default (Unicode Emoji_Presentation), the selector that turns others
# into emoji, the keycap, and the tag characters of flags. Plain symbols such as ★ and ☎ are not among them.
_EMOJI = re.compile(
    "[\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab"
    "\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c"
    "\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55\ufe0f\u20e3"
    "\U0001f000-\U0001faff\U000e0020-\U000e007f]"
)

FIRST_PART = 70
"""Characters that cost one message, signature included."""
LATER_PART = 67
"""Characters per message once a text is longer than that."""


def has_brackets(text: str) -> bool:
    """Whether a text carries a signature bracket of its own (the platform adds the signature)."""
    return _BRACKETS.search(text) is not None


def has_emoji(text: str) -> bool:
    """Whether any character of the text is an emoji."""
    return _EMOJI.search(text) is not None


def is_code(text: str) -> bool:
    """Whether a text counts as a verification code for the daily limit 4085."""
    return "验证码" in text


def parts(text: str, signature: str) -> int:
    """How many messages a text costs, with the signature that the platform puts before it."""
    length = len(text) + len(signature) + 2  # 【 and 】
    return 1 if length <= FIRST_PART else -(-length // LATER_PART)
