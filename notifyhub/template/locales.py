"""Locales: one writing for `zh_CN`, `zh-cn` and `zh_CN.UTF-8`, and what stands in for a missing one."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["DEFAULT", "fallbacks", "normalise_locale"]

DEFAULT = "default"
"""The locale of a file that serves whoever has no better one: `sms.default.j2`."""

# RFC 5646 advises 35 characters; a longer "locale" is somebody's input and not worth a search.
_LONGEST = 35


def normalise_locale(locale: str) -> str:
    """`zh_Hant-TW.UTF-8@x` → `zh-hant-tw`: hyphens, lower case, no encoding and no modifier."""
    return locale.strip().partition(".")[0].partition("@")[0].replace("_", "-").strip("-").lower()


def fallbacks(locale: str | None, default_locale: str) -> tuple[str, ...]:
    """What to look for, best first: `zh-hant-tw`, `zh-hant`, `zh`, the default's own, `default`."""
    wanted: dict[str, None] = {}
    for each in (locale, default_locale):
        if each and len(each) <= _LONGEST:
            wanted.update(dict.fromkeys(_shorter(normalise_locale(each))))
    # Last even where somebody asks for it by name.
    wanted.pop(DEFAULT, None)
    wanted[DEFAULT] = None
    return tuple(wanted)


def _shorter(locale: str) -> Iterator[str]:
    while locale:
        yield locale
        locale = locale.rpartition("-")[0].rstrip("-")
