"""Pages: read from the table, and written back where they have changed; a row a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from notifyhub.ledger.sheet import GRACE
from notifyhub.ledger.sql.encoding import encode, scan
from notifyhub.ledger.tallies import Page, Tallies

__all__ = ["Pages"]


class Pages:
    """The pages that a transaction is about. tallies: what stands on them."""

    def __init__(self) -> None:
        self.tallies = Tallies()

    def read(self, rows: Iterable[tuple[str, str]]) -> None:
        """Pages as they stand in the table, by name; "" is empty."""
        pages = self.tallies.pages
        for name, state in rows:
            pages[name] = Page(scan(state, 0)[0] if state else None)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of these that have not been read, in order."""
        pages = self.tallies.pages
        return [name for name in names if name not in pages]

    def written(self, now: int) -> Iterator[tuple[str, int, str]]:
        """Each page that has changed: its name, until when it is to be kept, and its state. In order."""
        for name, page in self.tallies.changed():
            state = encode(page.written(now))
            yield name, page.until() + GRACE, state
