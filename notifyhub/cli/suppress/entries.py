"""Entries of the suppression list as the command line tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from notifyhub.cli.deliveries import local, moment

if TYPE_CHECKING:
    from notifyhub.ledger import Suppression

__all__ = ["COLUMNS", "row", "sentence", "values"]

COLUMNS = ["id", "since", "to", "channel", "category", "instance", "reason", "source", "until", "lifted"]


def values(entry: Suppression, *, reveal: bool = False) -> dict[str, Any]:
    """An entry for scripts. reveal: its address whole."""
    return {
        "id": entry.id,
        "to": _to(entry, reveal) or None,
        "channel": entry.channel,
        "category": entry.category,
        "instance": entry.instance,
        "reason": entry.reason,
        "source": entry.source,
        "since": moment(entry.since),
        "until": moment(entry.until),
        "lifted_at": moment(entry.lifted_at),
        "lifted_by": entry.lifted_by,
    }


def row(entry: Suppression, *, reveal: bool = False) -> list[str]:
    """An entry under `COLUMNS`."""
    return [
        entry.id,
        local(entry.since),
        _to(entry, reveal) or "(erased)",
        entry.channel or "all",
        entry.category or "all",
        entry.instance or "all",
        entry.reason,
        entry.source,
        "" if entry.until is None else local(entry.until),
        "" if entry.lifted_at is None else f"{local(entry.lifted_at)} by {entry.lifted_by}",
    ]


def sentence(entry: Suppression) -> str:
    """One line: who gets what no more, and why."""
    what = "nothing, not even codes" if entry.category is None else f"no {entry.category}"
    held = [f"{_to(entry, reveal=False) or '(erased)'} gets {what}"]
    held += [] if entry.channel is None else [f"by {entry.channel}"]
    held += [] if entry.instance is None else [f"through {entry.instance}"]
    held += [] if entry.until is None else [f"until {local(entry.until)}"]
    return f"{' '.join(held)} · {entry.reason} · {entry.source} · id {entry.id}"


def _to(entry: Suppression, reveal: bool) -> str:
    from notifyhub.address import mask

    if not entry.address:
        return ""
    return entry.address if reveal else mask(entry.address)
