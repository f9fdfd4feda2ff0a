"""Tallies: all that questions are asked about, on pages: what is counted about the same is on one.

A page has a sheet for the small limits, of which most messages take several at once, and a tally for each
limit that is great or goes by the calendar.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from notifyhub.ledger.sheet import GRACE, Sheet
from notifyhub.ledger.tally import MOST_ENTRIES, Tally, after_others, tally_from
from notifyhub.quota import Limit, Quota, Refusal, Taken

__all__ = ["Page", "Place", "Tallies", "placed"]

_LINES, _PROMISED = "", "promised"


class Place(NamedTuple):
    """Where a quota is counted. name: the ledger's own, the page's with the rule's after it, which people may
    read. mark: its own on the page's sheet; "" where it has a tally.
    """

    name: str
    page: str
    mark: str
    quota: Quota


def placed(quota: Quota, about: str) -> Place:
    """The place of a quota. about: a digest of what it is about; "" for what is nobody's own."""
    suffix, mark = _written(quota.name, quota.apart, quota.limit)
    name = about + suffix
    return Place(name, about or name, mark, quota)


@lru_cache(4096)
def _written(name: str, apart: str, limit: Limit) -> tuple[str, str]:
    """What comes after the page in a name, and the mark on the sheet."""
    if limit.window == "sliding" and limit.amount <= MOST_ENTRIES:
        # 32 bits tell the few rules of a page apart.
        return f"|{name}|{apart}", "," + hashlib.sha256(f"{name}|{apart}".encode()).hexdigest()[:8]
    return f"|{name}|{apart} ({limit.window})", ""


class Page:
    """One page. written: as `Page.written` made it; None for an empty one. changed: since it was read."""

    __slots__ = ("_tallies", "_written", "changed", "sheet")

    def __init__(self, written: dict[str, Any] | None = None) -> None:
        self._written = written or {}
        self._tallies: dict[str, tuple[Tally, Quota]] = {}
        self.sheet = Sheet(self._written.pop(_LINES, None), self._written.pop(_PROMISED, None))
        self.changed = False

    def tally(self, place: Place) -> Tally:
        """The tally at this place."""
        known = self._tallies.get(place.name)
        if known is None:
            written = self._written.pop(place.name, None)
            tally = tally_from(None if written is None else written[1:], place.quota.limit)
            self._tallies[place.name] = known = tally, place.quota
        return known[0]

    def until(self) -> int:
        """When all of it means nothing any more."""
        until = self.sheet.until()
        for tally, quota in self._tallies.values():
            until = max(until, tally.until(quota))
        for written in self._written.values():
            until = max(until, written[0])
        return until

    def written(self, now: int) -> dict[str, Any]:
        """As plain values, without what meant nothing any more a while ago."""
        before = now - GRACE
        state = {name: tally for name, tally in self._written.items() if tally[0] > before}
        for name, (tally, quota) in self._tallies.items():
            until = tally.until(quota)
            if until > before:
                state[name] = [until, *tally.written()]
        self.sheet.forget(before)
        if self.sheet.lines:
            state[_LINES] = self.sheet.lines
        if self.sheet.promised:
            state[_PROMISED] = self.sheet.promised
        return state


class Tallies:
    """Pages by name, as many as are known here. A page that was never read is an empty one."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}

    def left(self, place: Place, now: int) -> int:
        """How much is left."""
        quota = place.quota
        page = self.pages.get(place.page)
        if page is None:
            return quota.limit.amount
        if place.mark:
            return page.sheet.left(place.mark, quota.limit, now)
        return page.tally(place).left(quota, now)

    def lacking(self, place: Place, left: int, whose: str, now: int) -> Refusal | None:
        """Why it cannot be taken, where so much is left; None where it can. Changes nothing."""
        quota = place.quota
        if 0 < left >= quota.amount:
            return None
        page = self.pages.get(place.page)
        more = quota.amount - (0 if page is None else self._known(page, place, whose, now))
        if quota.amount and more <= left:
            return None
        return Refusal(quota, self._free_at(place, more if quota.amount else 1, now), left)

    def promise(self, place: Place, refusal: Refusal) -> None:
        """Whoever is refused is told so: the next one is told a later time."""
        if max(place.quota.amount, 1) > place.quota.limit.amount:
            return
        page = self._page(place.page)
        if place.mark:
            promised = page.sheet.promised
            promised[place.mark] = max(promised.get(place.mark, 0), refusal.free_at)
        else:
            tally = page.tally(place)
            tally.promised = max(tally.promised, refusal.free_at)

    def take(self, place: Place, left: int, whose: str, now: int) -> Taken:
        """Take it, of what is left. What the delivery has taken of it before is not taken again."""
        name, page_name, mark, quota = place
        amount, used = quota.amount, quota.limit.amount - left
        if not amount:
            return Taken(quota, name, now, 0, used, whose)
        page = self._page(page_name)
        if mark:
            more, at = page.sheet.take(mark, quota.limit, whose, amount, now)
        else:
            more, at = page.tally(place).take(quota, whose, amount, now)
        # What it had taken already is its own to give back, all of it.
        known = self._known(page, place, whose, now) if not more else amount
        return Taken(quota, name, at, known, used + more, whose)

    def give_back(self, taken: Taken) -> None:
        """Give it back; harmless where it does not count any more, or was given back before."""
        place = placed(taken.quota, taken.tally.partition("|")[0])
        page = self.pages.get(place.page)
        if page is None:
            return
        if place.mark:
            gone = page.sheet.give_back(place.mark, taken.delivery_id, taken.at, taken.amount)
        else:
            gone = page.tally(place).give_back(taken)
        page.changed |= gone

    def changed(self) -> Iterator[tuple[str, Page]]:
        """The pages that have changed, in the order of their names."""
        for name in sorted(self.pages):
            if self.pages[name].changed:
                yield name, self.pages[name]

    def sweep(self, now: int) -> None:
        """Forget the pages that meant nothing any more a while ago."""
        for name in [name for name, page in self.pages.items() if page.until() + GRACE <= now]:
            del self.pages[name]

    def _known(self, page: Page, place: Place, whose: str, now: int) -> int:
        if place.mark:
            sheet = page.sheet
            return sheet.known(place.mark, place.quota.limit, whose, now) if sheet.lines else 0
        return page.tally(place).known(place.quota, whose, now)

    def _free_at(self, place: Place, amount: int, now: int) -> int:
        page, quota = self.pages.get(place.page) or Page(), place.quota
        if not place.mark:
            return page.tally(place).free_at(quota, amount, now)
        free = now + quota.limit.span
        if amount <= quota.limit.amount:
            free = page.sheet.free_at(place.mark, quota.limit, amount, now)
        return after_others(page.sheet.promised.get(place.mark, 0), free, quota, amount, now)

    def _page(self, name: str) -> Page:
        """A page that is going to change."""
        page = self.pages.get(name)
        if page is None:
            page = self.pages[name] = Page()
        page.changed = True
        return page
