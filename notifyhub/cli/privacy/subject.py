"""The person a request is about: by the application's own id, or by an address."""

from __future__ import annotations

from typing import Annotated, TypedDict

import typer

from notifyhub.cli.addresses import normalised
from notifyhub.errors import InvalidAddress

__all__ = ["Person", "Subject", "person"]

Subject = Annotated[
    str,
    typer.Option("--subject", metavar="S", help="Whom: a recipient's id, a phone number or a mail address."),
]


class Person(TypedDict):
    """What the ledger's `export` and `erase` take."""

    subject: str
    address: str | None


def person(subject: str, default_country: str) -> Person:
    """Whom the words may mean: both are looked for, since an id may be anything."""
    try:
        return {"subject": subject, "address": normalised(subject, default_country)}
    except InvalidAddress:  # a number that is no phone number is an id
        return {"subject": subject, "address": None}
