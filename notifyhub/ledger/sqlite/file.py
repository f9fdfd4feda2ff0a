"""File: where the database lies, whether SQLite may live there, and how it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from notifyhub.errors import SettingsError

__all__ = ["Synchronous", "check_place", "check_version"]

Synchronous = Literal["FULL", "NORMAL"]

_OLDEST = (3, 35, 0)
"""The first with RETURNING."""
_NETWORK = frozenset(
    "9p acfs afs afpfs beegfs ceph cifs coda davfs fuse.ceph fuse.glusterfs fuse.rclone fuse.s3fs"  # noqa: SIM905
    " fuse.sshfs gfs gfs2 glusterfs lustre ncpfs nfs nfs4 ocfs2 smb smb2 smb3 smbfs vboxsf virtiofs"
    " vmhgfs webdav".split()
)
MOUNTS = Path("/proc/self/mountinfo")


def check_version() -> None:
    """Raise SettingsError where the SQLite that Python was built with is too old."""
    if sqlite3.sqlite_version_info < _OLDEST:
        raise SettingsError(
            f"SQLite {sqlite3.sqlite_version} is too old",
            field="ledger.url",
            remedy="use a Python built with SQLite 3.35 or newer, or a PostgreSQL ledger",
        )


def check_place(path: Path, mounts: Path = MOUNTS) -> None:
    """Raise SettingsError where the file lies on a network file system.

    Its locks and its shared memory do not hold there, and the file is damaged sooner or later. mounts:
    the kernel's table; where there is none (not Linux), nothing is known and nothing refused.
    """
    try:
        table = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    kind = _file_system(path.absolute().parent.resolve(), table)
    if kind in _NETWORK:
        raise SettingsError(
            f"`{path.name}` lies on a network file system ({kind}), where SQLite's locks do not hold",
            field="ledger.url",
            remedy="keep it on a local disk, or use a PostgreSQL ledger",
        )


def _file_system(folder: Path, table: str) -> str:
    """The kind of the file system that the folder is on: that of the longest mount point above it."""
    found, longest = "", -1
    for line in table.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if not dash or len(fields) < 5:
            continue
        # Spaces in a mount point are written \040.
        point = fields[4].encode("latin-1", "surrogateescape").decode("unicode_escape", "surrogateescape")
        if folder.is_relative_to(point) and len(point) >= longest:
            found, longest = after.split()[0].lower(), len(point)
    return found
