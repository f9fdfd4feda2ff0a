"""Program: runs a command and ends the process as scripts expect, with one line for whatever went wrong."""

from __future__ import annotations

import io
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import typer
from typer.core import TyperGroup

import notifyhub
from notifyhub.errors import LedgerUnavailable, NotifyhubError

__all__ = [
    "ACCEPTED",
    "FOUND",
    "INTERRUPTED",
    "NOT_ACCEPTED",
    "READER_LEFT",
    "UNAVAILABLE",
    "UNKNOWN",
    "WRONG",
    "Program",
    "complain",
]

FOUND = 1
"""`check` has found something wrong; nothing else ends so."""
ACCEPTED = 0
"""A vendor has taken the message (or has delivered it, or it was a dry run), or it is queued."""
WRONG = 2
"""What was asked for, or what is set up, is wrong: any other error that is raised, a bug included.

Nothing was sent; only after a bug ("please report") that is not certain.
"""
NOT_ACCEPTED = 3
"""Refused, not sent, suppressed, deferred, expired or undelivered: nobody has it."""
UNKNOWN = 4
"""It may have gone out. Sending it again may send it twice."""
UNAVAILABLE = 75
"""The ledger cannot be read or written now, as sysexits.h counts what may pass (EX_TEMPFAIL).

Nothing was sent that the ledger does not know of. The same may be asked for again, best under a --key:
where the connection broke in a commit, it may have been kept. A worker that ends so is to be started again.
"""
INTERRUPTED = 130
"""Ctrl-C, as shells count it (128 + SIGINT)."""

READER_LEFT = 141
"""`notifyhub codes | head`: whoever read standard output has gone, as shells count it (128 + SIGPIPE)."""


@runtime_checkable
class _UsageError(Protocol):
    """What typer raises for a wrong command line; its class has moved between typer's versions."""

    exit_code: int

    def format_message(self) -> str: ...


class _ReaderLeft(Exception):
    """A broken pipe, on its way past typer."""


class Program(TyperGroup):
    """The group of all commands. Whatever a command raises ends as one line and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # typer would end with 1 here, which is none of our statuses.
            raise _ReaderLeft from None

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run and exit; never returns, never shows a traceback."""
        _tolerate_narrow_streams()
        extra["standalone_mode"] = False
        try:
            status = super().main(*args, **extra)
            sys.stdout.flush()
        except NotifyhubError as error:
            complain(_without_numbers(str(error)))
            status = UNAVAILABLE if isinstance(error, LedgerUnavailable) else WRONG
        except (_ReaderLeft, BrokenPipeError):
            # Nothing more can be told, and Python would complain of that at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = READER_LEFT
        except (KeyboardInterrupt, typer.Abort):
            status = INTERRUPTED
        except Exception as error:  # noqa: BLE001 - a person at a terminal can do nothing with a traceback
            status = _unexpected(error)
        sys.exit(status if isinstance(status, int) else ACCEPTED)


def complain(problem: str) -> None:
    """One line on standard error."""
    print(f"notifyhub: {' '.join(problem.split())}", file=sys.stderr)


def _unexpected(error: Exception) -> int:
    if isinstance(error, _UsageError):
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "notifyhub"
        # typer quotes what it was given, and that may be a code or a number in the wrong place.
        problem = re.sub(r"\d{4,}", "****", error.format_message()).strip().rstrip(".")
        complain(f"{problem}; see `{command} --help`")
        return WRONG
    # Only the class and the places: the words of a stranger's error may quote a secret.
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    complain(
        f"{type(error).__name__}{where}: a bug in notifyhub {notifyhub.__version__} or in a plugin; "
        "please report it, with what `notifyhub -v …` tells"
    )
    if _verbose():
        for frame in frames:
            print(f"  {frame.filename}:{frame.lineno} {frame.name}", file=sys.stderr)
    return WRONG


def _verbose() -> bool:
    import logging

    return logging.getLogger().isEnabledFor(logging.INFO)


def _without_numbers(line: str) -> str:
    """A notice's or a variable's name is quoted in errors, and could be a phone number given in its place."""
    return re.sub(r"(?<!\d)(\+?\d{0,3}1[3-9]\d)\d{4}(\d{4})(?!\d)", r"\1****\2", line)


def _tolerate_narrow_streams() -> None:
    """Under a C locale, Chinese words become `?` instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
