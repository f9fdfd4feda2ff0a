"""Closed: the metaclass that keeps the promises of a contract as they are in every subclass.

A conformance suite that can be thinned out quietly proves nothing. So a promise may be restated by a
subclass in one way only: marked `xfail` with a reason, strictly, under the contract's own body.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["Closed", "dropped_quietly"]

_ours: set[type] = set()
"""The classes that the contract is made of."""
_REMEDY = '@pytest.mark.xfail(reason="why, and which issue", strict=True)'


class Closed(type):
    """Refuses, when a class is made, whatever would drop a promise without saying so.

    What a subclass writes under the name of a promise must carry the xfail mark shown in the error; its
    body is not used: the promise itself is run, so that the mark falls as soon as the promise holds.
    """

    def __new__(  # noqa: D102 - the class docstring says it
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> Closed:
        cls = super().__new__(mcs, name, bases, namespace, **options)
        # Not cls.__module__: a class made by calling `type` would be given this module's name.
        if str(namespace.get("__module__")).startswith("notifyhub.testing."):
            _ours.add(cls)
            return cls
        for promise, body in _closed(cls).items():
            if promise in namespace and promise.startswith("test_"):
                marks = _xfails(namespace[promise])
                if marks:
                    # Past our own __setattr__, which refuses this to everybody else.
                    type.__setattr__(cls, promise, _restated(body, marks))
        problem = dropped_quietly(cls)
        if problem:
            raise TypeError(problem)
        return cls

    def __setattr__(cls, name: str, value: Any) -> None:
        if name in _closed(cls):
            raise TypeError(f"{cls.__name__}.{name} is a promise of the contract and stays as it is")
        if name == "pytestmark":
            problem = _hidden(cls, value)
            if problem:
                raise TypeError(problem)
        super().__setattr__(name, value)


def dropped_quietly(cls: type) -> str | None:
    """What a subclass has dropped without an xfail, in one sentence with the remedy; or None."""
    for name, body in _closed(cls).items():
        found = inspect.getattr_static(cls, name)
        if found is not body and getattr(found, "restates", None) is not body:
            what = "a promise of the contract" if name.startswith("test_") else "part of the contract"
            remedy = f"; to drop it, mark it {_REMEDY}" if name.startswith("test_") else ""
            return f"{cls.__name__}.{name} overrides {what}{remedy}"
    return _hidden(cls, vars(cls).get("pytestmark", ()))


def _closed(cls: type) -> dict[str, Any]:
    """What the contract itself defines and nobody may replace: its tests and its private parts."""
    found: dict[str, Any] = {}
    for klass in cls.__mro__:
        if klass in _ours:
            for name, value in vars(klass).items():
                if (
                    name == "play"
                    or name.startswith("test_")
                    or (name[0] == "_" and inspect.isfunction(value))
                ):
                    found.setdefault(name, value)
    return found


def _hidden(cls: type, marks: Any) -> str | None:
    for mark in marks if isinstance(marks, list | tuple) else [marks]:
        if getattr(mark, "name", "") in ("skip", "xfail"):
            return f"{cls.__name__} is marked {mark.name} as a whole; drop single promises, each by {_REMEDY}"
    return None


def _xfails(written: Any) -> list[pytest.Mark]:
    """The marks, if one of them is an xfail with a reason that is strict, unconditional and run."""
    marks: list[pytest.Mark] = list(getattr(written, "pytestmark", ()))
    honest = any(
        mark.name == "xfail"
        and not mark.args
        and str(mark.kwargs.get("reason") or "").strip()
        and mark.kwargs.get("strict") is True
        and mark.kwargs.keys() <= {"reason", "strict", "raises"}
        for mark in marks
    )
    return marks if honest and all(mark.name == "xfail" for mark in marks) else []


def _restated(promise: Callable[..., None], marks: list[pytest.Mark]) -> Callable[..., None]:
    @functools.wraps(promise)
    def restated(*arguments: Any, **fixtures: Any) -> None:
        promise(*arguments, **fixtures)

    restated.restates = promise  # type: ignore[attr-defined]
    restated.pytestmark = marks  # type: ignore[attr-defined]
    return restated
