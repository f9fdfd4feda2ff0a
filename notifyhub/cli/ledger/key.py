"""`notifyhub ledger key`: a new key to seal addresses and words with."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["key"]


def key(
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Named so, instead of after a hash of itself.", show_default=False
        ),
    ] = None,
) -> None:
    """Print a new key that seals addresses and words; nothing is stored.

    Put it into the environment, and that variable first into the settings' `ledger.keys`. Keep the former
    ones after it, or what they sealed cannot be opened any more.
    """
    from notifyhub.ledger.sealing import Sealer, new_key

    made = new_key(name)
    Sealer.from_keys([made])  # refuses a name that is none, here and not when the key is first used
    print(made)
