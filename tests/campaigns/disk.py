"""Disk: a small file system for a campaign's ledger, to be full without filling the machine's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["MISSING", "SmallDisk", "disk"]

SMALL = 16 * 1024 * 1024
"""Bytes on it."""
MISSING = "not run: a tmpfs cannot be mounted here; that takes root"


class SmallDisk:
    """A file system of its own, filled with ballast. It lies at `folder`."""

    kind = "a tmpfs of 16 MiB"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no room: write until the kernel says no."""
        with self._ballast.open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                return

    def free(self) -> None:
        """Make room again: take the ballast away."""
        self._ballast.unlink()


@contextmanager
def disk(folder: Path) -> Iterator[SmallDisk | None]:
    """A disk that can be filled; None where it cannot be had."""
    small = folder / "disk"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "campaign", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield SmallDisk(small)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
