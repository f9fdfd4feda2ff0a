"""Pages: read from the table, and written back where they have changed; a row a page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from notifyhub.ledger.sheet import GRACE
from notifyhub.ledger.sql.encoding import encode, scan
from notifyhub.ledger.tallies import Page, Tallies

__all__ = ["Pages"]


class Pages:
    """The pages that a transaction is about. names: theirs, in order. tallies: what stands on them."""

    def __init__(self, names: Collection[str]) -> None:
        self.names: Sequence[str] = sorted(names)
        self.tallies = Tallies()

    def read(self, name: str, state: str) -> None:
        """A page as it stands in the table; "" is empty."""
        self.tallies.pages[name] = Page(scan(state, 0)[0] if state else None)

    def missing(self) -> list[str]:
        """Those that have not been read, in order."""
        return [name for name in self.names if name not in self.tallies.pages]

    def written(self, now: int) -> Iterator[tuple[str, int, str]]:
        """Each page that has changed: its name, until when it is to be kept, and its state. In order."""
        for name, page in self.tallies.changed():
            state = encode(page.written(now))
            yield name, page.until() + GRACE, state
