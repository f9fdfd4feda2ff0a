"""An append-only file of accepted messages: the independent count of a campaign that kills processes."""

import asyncio
import json
import os
from io import BufferedWriter
from pathlib import Path

from .records import Submission

__all__ = ["Journal"]


class Journal:
    """One JSON line per accepted message, on the disk before the message is answered.

    Numbers and texts stand in it whole: it is for test data only.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BufferedWriter | None = None
        self._turn = asyncio.Lock()

    def open(self) -> None:
        """Open the file for appending. Raises OSError."""
        if self._path is not None:
            self._file = self._path.open("ab")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    async def append(self, submission: Submission) -> None:
        """Write and fsync one line, off the event loop, in order."""
        if self._file is None:
            return
        line = {
            "smsid": submission.smsid,
            "account": submission.account,
            "mobile": submission.mobile,
            "content": submission.content,
            "template_id": submission.template_id,
            "accepted_at": submission.accepted_at,
        }
        data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        async with self._turn:
            # Shielded: closing the simulator must not leave half a line, nor a thread on a closed file.
            writing = asyncio.ensure_future(asyncio.to_thread(_write, self._file, data))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                await writing
                raise


def _write(file: BufferedWriter, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
