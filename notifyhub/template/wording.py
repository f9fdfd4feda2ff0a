"""Wording: what is wrong with rendered words, whatever they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from notifyhub.message import SMS
from notifyhub.template.catalog import TemplateFile
from notifyhub.template.denied import find_denied
from notifyhub.template.finding import Finding, named
from notifyhub.template.renderer import Rendered
from notifyhub.template.segments import parts_cn

__all__ = ["Wording"]


@dataclass(frozen=True, slots=True)
class Wording:
    """What words have to keep to. The fields are as in `lint`."""

    signature: str
    max_length: int
    max_parts: int

    def check(self, notice: str, file: TemplateFile, rendered: Rendered) -> Iterator[Finding]:
        """What is wrong with these words."""
        if not rendered.text:
            yield Finding(notice, file.filename, "gives an empty text")
        if file.channel != SMS:
            return
        text = rendered.text
        if len(text) > self.max_length:
            yield Finding(
                notice, file.filename, f"{len(text)} characters, {self.max_length} at most", "shorten it"
            )
        parts = parts_cn(text, self.signature)
        if parts > self.max_parts:
            yield Finding(
                notice,
                file.filename,
                f"{parts} parts, billed as {parts} messages",
                "shorten it",
                "warning",
            )
        if "【" in text or "】" in text:
            yield Finding(
                notice,
                file.filename,
                "carries a signature of its own",
                "the platform adds it; leave out 【】",
            )
        for character in dict.fromkeys(text):
            if character not in "【】" and find_denied(character) == "an emoji or symbol":
                yield Finding(
                    notice,
                    file.filename,
                    f"holds {named(character)}, which vendors refuse",
                    "leave it out",
                )
