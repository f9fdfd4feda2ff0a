"""Tallies: all that questions are asked about, on pages: what is counted about the same is on one.

A page is a sheet for the small limits, of which most messages take several at once, with a tally for each
limit that is great or goes by the calendar.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from notifyhub.ledger.demand import Block
from notifyhub.ledger.sheet import GRACE, LONG, Sheet, free_at
from notifyhub.ledger.tally import Tally, after_others, tally_from
from notifyhub.quota import Limit, Quota, Refusal, Taken

__all__ = ["Page", "Place", "Tallies", "elsewhere", "going_on"]

_LINES, _PROMISED, _ELSEWHERE = "", "promised", "elsewhere"


class Place(NamedTuple):
    """Where a quota is counted for one message. mark: as a line of its sheet has it; "" where it has a tally,
    whose name the other is. elsewhere: the page that goes on where the sheet is long; "" without.
    """

    quota: Quota
    page: str
    mark: str
    tally: str
    elsewhere: str = ""

    @property
    def key(self) -> str:
        """What tells it from the others of its page."""
        return self.mark or self.tally


def elsewhere(page: str, words: str) -> str:
    """The page of words to one recipient, that goes on where his own is long."""
    return f"{page}.{words}"


def going_on(page: str, mark: str) -> str:
    """The page that goes on with this mark of a page; "" with none, where it is not about words."""
    _, about_words, words = mark.partition(":")
    return elsewhere(page, words) if about_words and mark.startswith(",") else ""


class Page(Sheet):
    """One page. written, ends: as `Page.written` and `until` gave them. changed: since it was read."""

    __slots__ = ("_tallies", "_written", "changed")

    def __init__(self, written: str | dict[str, Any] = "", ends: int = 0) -> None:
        # What `Sheet` does, without a call: a page is made for each message.
        self._lines = None
        self.ends = ends
        self.changed = False
        self._tallies: dict[str, tuple[Tally, Limit]] | None = None
        if isinstance(written, str):
            self._text, self.promised, self.elsewhere = written, None, 0
            self._written: dict[str, Any] | None = None
        else:
            self._text = written.pop(_LINES, "")
            self.promised = written.pop(_PROMISED, None)
            self.elsewhere = written.pop(_ELSEWHERE, 0)
            self._written = written

    def tally(self, name: str, limit: Limit) -> Tally:
        """The tally of this name."""
        if self._tallies is None:
            self._tallies = {}
        known = self._tallies.get(name)
        if known is None:
            written = None if self._written is None else self._written.pop(name, None)
            tally = tally_from(None if written is None else written[1:], limit)
            self._tallies[name] = known = tally, limit
        return known[0]

    def tally_room(self, block: Block, whose: str, now: int) -> int | None:
        """As `room`, for the tally that a block is about."""
        quota, _, name, _, _ = block.spots[0]
        known = self._tallies and self._tallies.get(name)  # without a call where it is known
        tally = known[0] if known else self.tally(name, quota.limit)
        # Of a small one it is known whose it is.
        if not block.fits or (tally.takers and tally.known(quota, whose, now)):
            return None
        left = tally.left(quota, now)
        return left if left >= quota.amount else None

    def take_tally(self, block: Block, whose: str, now: int) -> int:
        """As `take_all`, of the tally that a block is about."""
        quota, _, name, _, _ = block.spots[0]
        known = self._tallies and self._tallies.get(name)
        tally = known[0] if known else self.tally(name, quota.limit)
        return tally.take(quota, whose, quota.amount, now)[1]

    def until(self) -> int:
        """When all of it means nothing any more, or later."""
        until = max(self.ends, self.elsewhere)
        if self.promised:
            until = max(until, *self.promised.values())
        for written in (self._written or {}).values():
            until = max(until, written[0])
        for tally, limit in (self._tallies or {}).values():
            until = max(until, tally.until(limit))
        return until

    def written(self, now: int) -> str | dict[str, Any]:
        """All of it, without what meant nothing any more a while ago; a mere sheet is text."""
        if self._tallies is None and self._written is None and not self.promised and not self.elsewhere:
            return self.text
        before = now - GRACE
        state = {name: tally for name, tally in (self._written or {}).items() if tally[0] > before}
        for name, (tally, limit) in (self._tallies or {}).items():
            until = tally.until(limit)
            if until > before:
                state[name] = [until, *tally.written()]
        text = self.text
        if text:
            state[_LINES] = text
        promised = {mark: at for mark, at in (self.promised or {}).items() if at > before}
        if promised:
            state[_PROMISED] = promised
        if self.elsewhere > before:
            state[_ELSEWHERE] = self.elsewhere
        return state


class Tallies:
    """Pages by name, as many as are known here. A page that was never read is an empty one."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}

    def page(self, name: str) -> Page:
        """A page that is going to change."""
        page = self.pages.get(name)
        if page is None:
            page = self.pages[name] = Page()
        page.changed = True
        return page

    def left(self, place: Place, now: int) -> int:
        """How much is left."""
        limit, page = place.quota.limit, self.pages.get(place.page)
        if page is None:
            return limit.amount
        if not place.mark:
            return page.tally(place.tally, limit).left(place.quota, now)
        other = self._other(place)
        if other is None:
            return page.left(place.mark, limit, now)
        now = other.seen(page.seen(now))
        left = page.left(place.mark, limit, now)
        return max(0, left + other.left(place.mark, limit, now) - limit.amount)

    def lacking(self, place: Place, left: int, whose: str, now: int) -> Refusal | None:
        """Why it cannot be taken, where so much is left; None where it can. Changes nothing."""
        quota = place.quota
        if 0 < left >= quota.amount:
            return None
        more = quota.amount - self._known(place, whose, now)
        if quota.amount and more <= left:
            return None
        return Refusal(quota, self._free_at(place, more if quota.amount else 1, now), left)

    def promise(self, place: Place, refusal: Refusal) -> None:
        """Whoever is refused is told so: the next one is told a later time."""
        if max(place.quota.amount, 1) > place.quota.limit.amount:
            return
        page = self.page(place.page)
        if place.mark:
            page.promised = promised = page.promised or {}
            promised[place.mark] = max(promised.get(place.mark, 0), refusal.free_at)
        else:
            tally = page.tally(place.tally, place.quota.limit)
            tally.promised = max(tally.promised, refusal.free_at)

    def take(self, place: Place, left: int, whose: str, now: int) -> tuple[Taken, int]:
        """Take it, of what is left; what was taken, and how much is used up now.

        What the delivery has taken of it before is not taken again.
        """
        quota, page_name, mark, name, _ = place
        amount, limit = quota.amount, quota.limit
        used = limit.amount - left
        if not amount:
            return Taken(quota, page_name, place.key, now, 0, whose), used
        page = self.page(page_name)
        if not mark:
            more, at = page.tally(name, limit).take(quota, whose, amount, now)
        else:
            more = max(0, amount - self._known(place, whose, now))
            # The page that goes on with it is as one with it: the latest time seen on both of them holds.
            other = self._other(place)
            at = page.seen(now) if other is None else other.seen(page.seen(now))
            if more:
                at = self._take_line(place, page, whose, more, at)
        # What it had taken already is its own to give back, all of it.
        known = amount if more else self._known(place, whose, now)
        return Taken(quota, page_name, place.key, at, known, whose), used + more

    def give_back(self, taken: Taken) -> None:
        """Give it back; harmless where it does not count any more, or was given back before."""
        page, mark = self.pages.get(taken.page), taken.tally
        if page is None:
            return
        if not mark.startswith(","):
            page.changed |= page.tally(mark, taken.quota.limit).give_back(taken)
            return
        gone = page.give_back(mark, taken.delivery_id, taken.at, taken.amount)
        page.changed |= gone > 0
        if gone < taken.amount and (other := self.pages.get(going_on(taken.page, mark))) is not None:
            rest = taken.amount - gone
            other.changed |= other.give_back(mark, taken.delivery_id, taken.at, rest) > 0

    def changed(self) -> Iterator[tuple[str, Page]]:
        """The pages that have changed, in the order of their names."""
        for name in sorted(self.pages):
            if self.pages[name].changed:
                yield name, self.pages[name]

    def sweep(self, now: int) -> None:
        """Forget the pages that meant nothing any more a while ago."""
        for name in [name for name, page in self.pages.items() if page.until() + GRACE <= now]:
            del self.pages[name]

    def _known(self, place: Place, whose: str, now: int) -> int:
        quota, page = place.quota, self.pages.get(place.page)
        if page is None:
            return 0
        if not place.mark:
            return page.tally(place.tally, quota.limit).known(quota, whose, now)
        other = self._other(place)
        if other is None:
            return page.known(place.mark, quota.limit, whose, now)
        now = other.seen(page.seen(now))
        known = page.known(place.mark, quota.limit, whose, now)
        return known + other.known(place.mark, quota.limit, whose, now)

    def _take_line(self, place: Place, page: Page, whose: str, more: int, now: int) -> int:
        """Write it on the sheet, or where words go that a long one does not take any more."""
        limit = place.quota.limit
        if page.elsewhere and page.elsewhere + GRACE <= now:
            page.elsewhere = 0  # a page in memory is never written down, which forgets it too
        if not place.elsewhere or len(page.lines) < LONG:
            return page.take(place.mark, limit, whose, more, now)
        if sum(line[1] > now for line in page.lines) < LONG:
            at = page.take(place.mark, limit, whose, more, now)
            page.forget()  # at the time of this line: of the one before, nothing may have been over
            return at
        at = self.page(place.elsewhere).take(place.mark, limit, whose, more, now)
        page.elsewhere = max(page.elsewhere, at + limit.span)
        return at

    def _free_at(self, place: Place, amount: int, now: int) -> int:
        page, quota = self.pages.get(place.page) or Page(), place.quota
        if not place.mark:
            return page.tally(place.tally, quota.limit).free_at(quota, amount, now)
        free = now + quota.limit.span
        if amount <= quota.limit.amount:
            other = self._other(place)
            lines = page.lines if other is None else sorted([*page.lines, *other.lines])
            free = free_at(lines, place.mark, quota.limit, amount, now)
        return after_others((page.promised or {}).get(place.mark, 0), free, quota, amount, now)

    def _other(self, place: Place) -> Page | None:
        """The page that the sheet of a place goes on with."""
        return self.pages.get(place.elsewhere) if place.elsewhere else None
