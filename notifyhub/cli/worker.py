"""`notifyhub worker`: carries on what is queued, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyhub.cli.hubs import lasting_ledger
from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json, reserved
from notifyhub.cli.program import ACCEPTED, UNAVAILABLE
from notifyhub.cli.progress import ProgressLine, counted, put_in_order
from notifyhub.cli.signals import StopSignals
from notifyhub.errors import LedgerUnavailable

if TYPE_CHECKING:
    from notifyhub.ledger import Ledger
    from notifyhub.log import EventLogger
    from notifyhub.worker import Worker, WorkerCounts

__all__ = ["worker"]

_CLOSING = 0.85
"""Seconds after the grace in which all is written down and closed; then the rest is left to recovery, so that
the process is gone a second after the grace, whatever its database does."""


def worker(
    config: Config = None,
    drain: Annotated[
        bool, typer.Option("--drain", help="Stop when nothing is due and nothing is being sent.")
    ] = False,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency",
            metavar="N",
            min=1,
            max=4096,
            help="Deliveries under way at the same time; else `dispatch.concurrency`.",
            show_default=False,
        ),
    ] = None,
    grace: Annotated[
        float | None,
        typer.Option(
            "--grace",
            metavar="S",
            min=0,
            help="Seconds that what is under way is given when told to stop; else `dispatch.grace`.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send what is queued in the ledger, and recover what a dead process left behind.

    SIGTERM or Ctrl-C: nothing more is taken up, what is under way is given the grace, and the rest is
    recorded as uncertain; a second one ends the process at once. On a terminal a line tells how it goes;
    elsewhere standard error gets logs as JSON lines.

    Exit status: 0 told to stop or drained, 2 where the settings or the tables are wrong, 75 where what
    was sent could not be written down: start it again, and it says so of those deliveries.
    """
    watched = sys.stderr.isatty()
    if not watched:
        _log_json()
    with StopSignals(put_in_order if watched else lambda: None) as signals, reserved(as_json):
        began = time.monotonic()
        counts, status = asyncio.run(_run(config, signals, drain, concurrency, grace))
    if as_json:
        by_status = dict(sorted(counts.by_status.items()))
        seconds = round(time.monotonic() - began, 1)
        carried = {"carried": counts.total, "by_status": by_status, "cut_off": counts.cut_off}
        print_json({**carried, "seconds": seconds})
    else:
        cut_off = f" · {counts.cut_off} cut off" if counts.cut_off else ""
        print((f"carried {counts.total}: {counted(counts)}" if counts.total else "carried 0") + cut_off)
    raise typer.Exit(status)


async def _run(
    config: Path | None, signals: StopSignals, drain: bool, concurrency: int | None, grace: float | None
) -> tuple[WorkerCounts, int]:
    """What it carried, and the exit status."""
    from notifyhub.hub import Hub
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    ledger = lasting_ledger(settings, "nothing is ever queued in it")
    hub = Hub(settings, ledger=ledger)
    worker = hub.worker(concurrency=concurrency, grace=grace)

    def stop() -> None:
        worker.stop()
        signals.end_within(worker.grace + _CLOSING)

    signals.then(stop)
    try:
        try:
            if await _started(worker, ledger):
                async with _progress(worker, ledger):
                    await worker.run(drain=drain)
        finally:
            await hub.aclose()
    except LedgerUnavailable as error:
        # Logged, since with a supervisor nobody sees a line of ours that is no log.
        _log().error("worker_failed", error=error.problem)
        return worker.counts, UNAVAILABLE
    return worker.counts, ACCEPTED


async def _started(worker: Worker, ledger: Ledger) -> bool:
    """Start the ledger; False where it was told to stop while the database did not answer."""
    starting = asyncio.ensure_future(ledger.start())
    stopping = asyncio.ensure_future(worker.stopping.wait())
    try:
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        told_to_stop = stopping.done() and not starting.done()
        stopping.cancel()
        if told_to_stop:
            starting.cancel()
        await asyncio.wait([starting, stopping])
    if not told_to_stop:
        starting.result()
    return not told_to_stop


def _progress(worker: Worker, ledger: Ledger) -> AbstractAsyncContextManager[object]:
    return ProgressLine(worker, ledger) if sys.stderr.isatty() else nullcontext()


def _log_json() -> None:
    from notifyhub.log import configure

    configure(json=True, level=min(logging.getLogger().level, logging.INFO))


def _log() -> EventLogger:
    from notifyhub.log import get_logger

    return get_logger("notifyhub.worker")
