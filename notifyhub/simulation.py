"""Simulation: what a provider type may bring so that its vendor can be tried without the vendor.

Both parts are optional, and the core knows no vendor: `notifyhub simulate` and `notifyhub demo` run
whatever the installed provider types bring.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from notifyhub.hub import Hub

__all__ = ["Beat", "Demo", "Simulation", "Simulator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A vendor's gateway, simulated on this machine, while it runs.

    base_url: where it listens. settings: the table of a provider instance that talks to it, with its
    `type` and invented credentials. notes: lines worth telling whoever started it.
    """

    base_url: str
    settings: Mapping[str, Any]
    notes: tuple[str, ...] = ()


class Simulator(Protocol):
    """Starts a simulation; it ends when the context is left.

    port: 0 finds a free one. push_to: the URL for receipts and replies.
    Raises OSError where the port is taken, ValueError for a URL that cannot be pushed to.
    """

    def __call__(self, *, port: int, push_to: str | None) -> AbstractAsyncContextManager[Simulation]:
        """The simulation, as an async context manager."""
        ...


@dataclass(frozen=True, slots=True)
class Beat:
    """One line of a demonstration, fit to be shown: codes and numbers masked.

    kind: `scene` begins one, `asked` is what the application wanted, `wire` what went to the vendor,
    `answer` what came back, `decided` what notifyhub made of it, `check` whether it came out as told.
    """

    kind: Literal["scene", "asked", "wire", "answer", "decided", "check"]
    text: str
    ok: bool = True


class Demo(Protocol):
    """A demonstration: needs no settings and no network but loopback, and checks itself.

    hub: the class, to make its own of; a provider does not import the hub.
    """

    def __call__(self, hub: type[Hub]) -> AsyncIterator[Beat]:
        """Run it; each beat is told as it happens."""
        ...
