"""The databases that a campaign is run on."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from tests.servers.postgres import PostgresServer, postgres

LEDGERS = ("sqlite", "postgresql")


@dataclass(slots=True)
class Database:
    """url: as the settings take it. server: where there is one."""

    url: str
    server: PostgresServer | None = None


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Database]:
    """An empty database for as long as the block lasts: a file in the folder, or a server of its own."""
    if kind == "sqlite":
        yield Database(f"sqlite:///{folder / 'ledger.db'}")
        return
    with postgres() as server:
        yield Database(server.create("campaign"), server)


@contextmanager
def place(title: str, *, keep: bool = False) -> Iterator[Path]:
    """A folder for one run, removed afterwards unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="campaign-"))
    try:
        yield folder
    finally:
        if keep:
            print(f"{title}: {folder}", flush=True)
        else:
            shutil.rmtree(folder)


@dataclass(slots=True)
class Restarts:
    """Restarts a server every few seconds, as a crash would, until told to stop. For `with`."""

    server: PostgresServer | None
    every: tuple[float, float] = (1.0, 3.0)
    count: int = 0
    failure: BaseException | None = None
    _rng: random.Random = field(default_factory=random.Random)
    _stop: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def __enter__(self) -> Restarts:
        if self.server is not None:
            self._thread = Thread(target=self._run, name="restarts")
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Return when the server runs and will not be stopped any more. Raises what a restart raised."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        assert self.server is not None
        try:
            while not self._stop.wait(self._rng.uniform(*self.every)):
                self.server.stop(mode="immediate")
                time.sleep(self._rng.uniform(0.0, 0.5))
                self.server.start()
                self.count += 1
        except BaseException as error:  # noqa: BLE001 - told in the thread that waits for it
            self.failure = error
