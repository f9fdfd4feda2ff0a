"""Record: a dataclass in everything but the time it takes to make one."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, field, fields, replace
from inspect import signature

import pytest

from notifyhub.record import copier, record


@record
class Point:
    """With a required field, a default and a factory."""

    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list, repr=False)

    def __str__(self) -> str:
        return f"{self.x},{self.y}"


def test_it_is_a_dataclass() -> None:
    """Defaults, factories, equality, repr, replace and the signature are a dataclass's."""
    point = Point(x=1)
    assert (point.x, point.y, point.tags) == (1, 2, [])
    assert Point(x=1).tags is not point.tags
    assert point == Point(x=1, y=2) != Point(x=1, y=3)
    assert repr(point) == "Point(x=1, y=2)"
    assert replace(point, y=5).y == 5
    assert [each.name for each in fields(point)] == ["x", "y", "tags"]
    assert list(signature(Point).parameters) == ["x", "y", "tags"]


def test_it_is_frozen_and_slotted() -> None:
    """Nothing can be set or added."""
    point = Point(x=1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    assert not hasattr(point, "__dict__")


def test_wrong_arguments() -> None:
    """Missing, unknown and positional arguments are refused."""
    for arguments, keywords in (((), {}), ((), {"x": 1, "z": 2}), ((1,), {})):
        with pytest.raises(TypeError):
            Point(*arguments, **keywords)


def test_copies() -> None:
    """A copy has the changes and the rest, and the first one is as it was."""
    point, copy = Point(x=1, tags=["a"]), copier(Point)
    assert copy(point, {"y": 7}) == Point(x=1, y=7, tags=["a"])
    assert point.y == 2
    with pytest.raises(KeyError):
        copy(point, {"z": 1})


def test_a_subclass_is_made_too() -> None:
    """One with more to it stays what it is, and is as frozen."""

    class Named(Point):
        """With a field beside the record's."""

    named = Named(x=1)
    assert (type(named), named.x, named.tags) == (Named, 1, [])
    with pytest.raises(FrozenInstanceError):
        named.x = 2  # type: ignore[misc]


def test_what_fails_while_it_is_made() -> None:
    """A factory that raises leaves nothing behind that is no record."""

    @record
    class Broken:
        """Whose default cannot be made."""

        x: int = field(default_factory=lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        Broken()
