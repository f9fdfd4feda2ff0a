"""OptOutWords: the words by which a person says that no more of this is wanted."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from notifyhub.errors import SettingsError

__all__ = ["OptOutWords"]


class OptOutWords:
    """Recognises a reply that is one of the words and says nothing else: `ＴＤ。`, ` td!`, not `TD or not`.

    Width, case and spaces do not matter, wherever they are; punctuation before and after it does not either.

    Raises SettingsError for a word without a letter or digit: every reply of mere punctuation would be it.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._bare = frozenset(map(_bare, words))
        if "" in self._bare:
            raise SettingsError(
                "has a word of nothing but spaces and punctuation",
                field="policies.suppression_list.opt_out_words",
                remedy="leave it out",
            )

    def __contains__(self, reply: str) -> bool:
        return _bare(reply) in self._bare


def _bare(text: str) -> str:
    """A text in its one writing, without white space, invisible characters, and punctuation at its ends."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = [character for character in folded if not _is_blank(character)]
    start, end = 0, len(seen)
    while start < end and _is_punctuation(seen[start]):
        start += 1
    while start < end and _is_punctuation(seen[end - 1]):
        end -= 1
    return "".join(seen[start:end])


def _is_blank(character: str) -> bool:
    # Zero-width characters (Cf) too: input methods leave them behind.
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def _is_punctuation(character: str) -> bool:
    # A tilde ends many a friendly sentence in Chinese, and Unicode counts it among the mathematical signs.
    return character == "~" or unicodedata.category(character).startswith("P")
