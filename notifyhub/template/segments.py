"""Segments: how many parts an SMS is sent and billed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Segments", "parts_cn", "segments"]

# 3GPP TS 23.038, the default alphabet and its extension table.
_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENSION = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Segments:
    """How a text is cut: its alphabet, its length in that alphabet's units, its parts (at least 1).

    units: septets of GSM-7 (an extension character is two), or UTF-16 units of UCS-2.
    """

    encoding: Literal["gsm7", "ucs2"]
    units: int
    parts: int


def segments(text: str) -> Segments:
    """The parts of a text by the GSM standard, as vendors outside of mainland China bill.

    GSM-7: 160 septets in one part, else 153 each. UCS-2: 70 units, else 67 each. No part ends inside
    an extension character or a surrogate pair.
    """
    if all(character in _GSM7 or character in _GSM7_EXTENSION for character in text):
        sizes = [2 if character in _GSM7_EXTENSION else 1 for character in text]
        return Segments("gsm7", sum(sizes), _pack(sizes, 160, 153))
    sizes = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return Segments("ucs2", sum(sizes), _pack(sizes, 70, 67))


def parts_cn(text: str, signature: str = "") -> int:
    """The parts mainland vendors bill: each character is 1, the signature too; ≤ 70 is one, else 67 each.

    signature: as the platform adds it; the two brackets 【】 are counted where it is given without.
    """
    length = len(text) + len(signature)
    if signature and not signature.startswith("【"):
        length += 2
    return 1 if length <= 70 else -(-length // 67)


def _pack(sizes: list[int], single: int, each: int) -> int:
    if sum(sizes) <= single:
        return 1
    parts, room = 1, each
    for size in sizes:
        if size > room:
            parts, room = parts + 1, each
        room -= size
    return parts
