"""Queue: what waits, the most urgent first, and among equals what was due first."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Generic, Protocol, TypeVar

__all__ = ["Queue", "Waits"]


class Waits(Protocol):
    """What can be queued. place: what `put` returned, for as long as it waits there."""

    place: int | None


Waiting = TypeVar("Waiting", bound=Waits)


class Queue(Generic[Waiting]):
    """A heap for each priority, so that a backlog of one costs nothing to those before it.

    Nothing is searched in order to be taken out: what has left, or was put in anew, is passed over when
    it comes up, for its `place` is another one by then.
    """

    def __init__(self) -> None:
        self._heaps: dict[int, list[tuple[float, int, Waiting]]] = {}
        self._places = count()

    def put(self, waiting: Waiting, priority: int, due: float) -> int:
        """Queue it until it is due (epoch seconds); returns the place it must remember."""
        if priority not in self._heaps:
            self._heaps = dict(sorted([*self._heaps.items(), (priority, [])]))
        place = next(self._places)
        heappush(self._heaps[priority], (due, place, waiting))
        return place

    def take(self, now: float) -> Waiting | None:
        """Take out what is to go first, if anything is due."""
        for heap in self._heaps.values():
            while heap and heap[0][0] <= now:
                _, place, waiting = heappop(heap)
                if waiting.place == place:
                    return waiting
        return None

    def due(self, now: float) -> Iterator[Waiting]:
        """All that is due, the most urgent first; nothing is taken out."""
        for heap in self._heaps.values():
            for _, place, waiting in sorted(entry for entry in heap if entry[0] <= now):
                if waiting.place == place:
                    yield waiting
