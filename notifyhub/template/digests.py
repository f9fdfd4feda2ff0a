"""Digests: proof that several notifications of a notice fit into one message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from notifyhub.errors import NotifyhubError
from notifyhub.template.catalog import Notice, TemplateFile
from notifyhub.template.finding import Finding, Severity, finding_of
from notifyhub.template.renderer import Rendered, Renderer
from notifyhub.template.wording import Wording

__all__ = ["digest_findings"]

_SOME = 2
"""The fewest notifications that a digest is made of."""


def digest_findings(
    notice: Notice, most: int | None, renderer: Renderer, wording: Wording, extra: Mapping[str, Any]
) -> Iterator[Finding]:
    """What is wrong with a notice's words for digests.

    most: notifications in one message at most; None where the settings make no digests of this notice.
    """
    if most is not None or notice.digests:
        yield from _missing(notice, "warning" if most is None else "error")
    for file in notice.digests.values():
        found: dict[Finding, None] = {}
        for number in sorted({_SOME, most or _SOME}):
            try:
                rendered = _rendered(notice, file, number, renderer, extra)
            except NotifyhubError as error:
                found[finding_of(notice.name, file.filename, error)] = None
                continue
            for each in wording.check(notice.name, file, rendered):
                found[replace(each, problem=f"{each.problem} (of {number} notifications)")] = None
        yield from found


def _missing(notice: Notice, severity: Severity) -> Iterator[Finding]:
    """The words that have no counterpart for digests: whoever gets those could get no digest."""
    for place, file in notice.files.items():
        if place not in notice.digests:
            name = f"digest.{file.filename}"
            problem = "missing: whoever gets these words can get no digest"
            yield Finding(notice.name, name, problem, "add the file", severity)


def _rendered(
    notice: Notice, file: TemplateFile, number: int, renderer: Renderer, extra: Mapping[str, Any]
) -> Rendered:
    """So many of the examples in one message, every second one without the optional variables."""
    items = []
    for place in range(number):
        data = notice.manifest.examples(optional=place % 2 == 0)
        items.append(renderer.render(notice.name, file.channel, file.locale, data, extra=extra).variables)
    return renderer.render_digest(notice.name, file.channel, file.locale, items, extra=extra)
