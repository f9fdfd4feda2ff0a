"""Operators: who sits at the command line, for what is kept with a name."""

from __future__ import annotations

import getpass
import os

__all__ = ["this_user"]


def this_user() -> str:
    """This machine's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"uid {os.getuid()}"
