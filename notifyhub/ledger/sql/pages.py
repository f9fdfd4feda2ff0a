"""Pages: read from the table, and written back where they have changed; a row a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from notifyhub.ledger.sheet import GRACE, as_text
from notifyhub.ledger.sql.encoding import encode, scan
from notifyhub.ledger.sql.script import Rows
from notifyhub.ledger.tallies import Page, Tallies

__all__ = ["Pages"]


class Pages:
    """The pages that a transaction is about. tallies: what stands on them."""

    def __init__(self) -> None:
        self.tallies = Tallies()

    def read(self, rows: Rows) -> None:
        """Pages as they stand in the table: their names, until when they are kept, and their state."""
        pages = self.tallies.pages
        for name, until, state in rows:
            written = state
            if state.startswith("{"):
                written = scan(state, 0)[0]
                if isinstance(written.get(""), list):  # written before a sheet was text
                    written[""] = as_text(written[""])
            pages[name] = Page(written, until - GRACE)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of these that have not been read, in order."""
        pages = self.tallies.pages
        return [name for name in names if name not in pages]

    def written(self, now: int) -> Iterator[tuple[str, int, str]]:
        """Each page that has changed: its name, until when it is to be kept, and its state. In order."""
        for name, page in self.tallies.changed():
            state = page.written(now)
            yield name, page.until() + GRACE, state if isinstance(state, str) else encode(state)
