"""`python -m notifyhub`, and the command `notifyhub`."""

from __future__ import annotations

import sys

import notifyhub

__all__ = ["main"]

_EXTRA = frozenset({"rich", "typer"})


def main() -> int:
    """Run the command line; where its extra is not installed, say how to install it and return 2."""
    if sys.argv[1:] == ["--version"]:
        # Answered before typer is imported: scripts ask often, and the extra need not be there for it.
        sys.stdout.write(f"notifyhub {notifyhub.__version__}\n")
        return 0
    try:
        from notifyhub.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        sys.stderr.write(
            "notifyhub: the command line needs typer and rich: pip install 'notifyhub-core[cli]'\n"
        )
        return 2
    app(prog_name="notifyhub")
    return 0


if __name__ == "__main__":
    sys.exit(main())
