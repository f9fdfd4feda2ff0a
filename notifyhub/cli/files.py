"""Files: what a command writes for its user alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from notifyhub.errors import NotificationError

__all__ = ["created"]


@contextmanager
def created(file: Path, field: str, newline: str | None = None) -> Iterator[TextIO]:
    """A new file that its owner alone may read, open to be written in UTF-8.

    field: the option that named it. newline: as for `open`. Raises NotificationError where there is one
    already (it may be open to others), or where it cannot be written.
    """
    try:
        # Created by us, or not at all.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline=newline) as stream:
            yield stream
    except FileExistsError:
        raise NotificationError(f"{file} is already there", field=field, remedy="name a new file") from None
    except OSError as error:
        raise NotificationError(
            f"{file} cannot be written: {error.strerror}", field=field, remedy="name another file"
        ) from None
