"""`notifyhub suppress import`: entries from CSV."""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, NamedTuple

import typer

from notifyhub.cli.hubs import opened_ledger
from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json
from notifyhub.cli.program import complain
from notifyhub.cli.suppress.add import say_if_nobody_asks
from notifyhub.errors import LedgerUnavailable, NotificationError

if TYPE_CHECKING:
    from notifyhub.cli.suppress.sheet import WrongLine
    from notifyhub.ledger import Ledger, Suppression
    from notifyhub.settings import Settings

__all__ = ["import_"]

BATCH = 500
"""Entries that are given to the ledger at a time; it commits together what comes together."""
IN_MEMORY = 16 * 1024 * 1024
"""Bytes of a pipe that are kept in memory to be read twice; more goes to a file that has no name."""


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A CSV file; - is standard input.")],
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the other lines where some are wrong.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put the lines of a CSV file on the suppression list: all of them or, where any is wrong, none.

    The first line names the columns: address, channel, category, instance, reason, source, since, until;
    only address is needed. What is wrong with a line is told with its number. Importing a file twice is
    harmless.
    """
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    with _opened(file) as stream:
        counted = _check(stream, settings, skip_bad)
        asyncio.run(_import(stream, settings, counted.right))
    say_if_nobody_asks(settings)
    if as_json:
        print_json({"imported": counted.right, "wrong": counted.wrong})
    else:
        left = f", left out {counted.wrong}" if counted.wrong else ""
        print(f"imported {counted.right} {'entry' if counted.right == 1 else 'entries'}{left}")


class _Counted(NamedTuple):
    right: int
    wrong: int


def _check(stream: IO[bytes], settings: Settings, skip_bad: bool) -> _Counted:
    """Read it all once before any of it is kept, and tell of every wrong line."""
    from notifyhub.ledger import Suppression

    right = wrong = 0
    for each in _lines(stream, settings):
        if isinstance(each, Suppression):
            right += 1
        else:
            wrong += 1
            complain(str(each))
    if wrong and not skip_bad:
        raise NotificationError(
            f"{wrong} of {right + wrong} lines {'is' if wrong == 1 else 'are'} wrong, nothing was imported",
            remedy="mend them, or leave them out with --skip-bad",
        )
    return _Counted(right, wrong)


async def _import(stream: IO[bytes], settings: Settings, expected: int) -> None:
    from notifyhub.ledger import Suppression

    async with opened_ledger(settings) as ledger:
        right = (each for each in _lines(stream, settings) if isinstance(each, Suppression))
        done = 0
        while batch := list(islice(right, BATCH)):
            try:
                await _keep(ledger, batch)
            except LedgerUnavailable as error:
                raise LedgerUnavailable(
                    f"{error.problem}; at least {done} of {expected} entries are imported",
                    remedy="import the same file again, which is harmless",
                ) from None
            done += len(batch)


async def _keep(ledger: Ledger, batch: list[Suppression]) -> None:
    # All to their end before one that failed is told of: the ledger must not be closed under the others.
    ends = await asyncio.gather(*map(ledger.suppress, batch), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end


def _lines(stream: IO[bytes], settings: Settings) -> Iterator[Suppression | WrongLine]:
    from notifyhub.cli.suppress.sheet import read

    stream.seek(0)
    # Excel puts a byte order mark before it, and wants one.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    try:
        yield from read(text, default_country=settings.default_country, now=datetime.now(UTC))
    finally:
        text.detach()


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    """The file, or a copy of what can be read only once."""
    with ExitStack() as closing:
        try:
            stream = sys.stdin.buffer if file == "-" else closing.enter_context(Path(file).open("rb"))
            if file == "-" or not stream.seekable():
                copy = closing.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))
                shutil.copyfileobj(stream, copy)
                stream = copy
        except OSError as error:
            raise NotificationError(
                f"{file} cannot be read: {error.strerror}", field="file", remedy="name a CSV file, or -"
            ) from None
        yield stream
