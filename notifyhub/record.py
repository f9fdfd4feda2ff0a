"""Record: a frozen, slotted, keyword-only dataclass that is quick to make and to copy.

A frozen dataclass sets each field through `object.__setattr__`, which looks its slot up by name; with
twenty fields that is most of what making one costs, and several are made for each message. Here one is
of another class while it is filled, with the same slots and not frozen, so that the interpreter stores
straight into them; then it turns into what it is. Nothing else differs from a dataclass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import wraps
from typing import Any, ParamSpec, TypeVar, dataclass_transform

__all__ = ["copier", "maker", "record"]

Class = TypeVar("Class", bound=type)
Instance = TypeVar("Instance")
Parameters = ParamSpec("Parameters")

_turn = object.__dict__["__class__"].__set__
"""`object.__class__ = …`, for what is frozen."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record(cls: Class) -> Class:
    """Make the class such a dataclass. `__post_init__` and fields with `init=False` are not provided for."""
    made: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    plain = made.__init__
    parameters, defaults, names = _parameters(made)
    own = [each.name for each in fields(made)]
    lines = [
        *defaults,
        "if self.__class__ is not cls:",  # a subclass has slots of its own
        f"    return plain(self, {', '.join(f'{name}={name}' for name in own)})",
        "turn(self, draft)",
        *(f"self.{name} = {name}" for name in own),
        "self.__class__ = cls",
    ]
    names |= {"cls": made, "draft": _draft(made), "turn": _turn, "plain": plain}
    made.__init__ = wraps(plain)(_generated(f"__init__(self, *, {parameters})", lines, names))
    result: Class = made
    return result


def maker(cls: Callable[Parameters, Instance]) -> Callable[Parameters, Instance]:
    """The record as a plain function, for those made for each message.

    A class that is called with keywords has a dict made of them first; a function has not.
    """
    parameters, defaults, names = _parameters(cls)
    lines = [
        *defaults,
        "made = new(draft)",
        *(f"made.{each.name} = {each.name}" for each in fields(cls)),  # type: ignore[arg-type]
        "made.__class__ = cls",
        "return made",
    ]
    names |= {"cls": cls, "draft": _draft(cls), "new": object.__new__}
    return _generated(f"make(*, {parameters})", lines, names)


def copier(cls: type[Instance]) -> Callable[[Instance, Mapping[str, Any]], Instance]:
    """A function `(one, changes)` that copies a record with some fields changed; quicker than `replace`."""
    draft = _draft(cls)
    own = [each.name for each in fields(cls)]  # type: ignore[arg-type]
    setters = {name: draft.__dict__[name].__set__ for name in own}
    lines = [
        "copy = new(draft)",
        *(f"copy.{name} = one.{name}" for name in own),
        "for name, value in changes.items():",
        "    setters[name](copy, value)",
        "copy.__class__ = cls",
        "return copy",
    ]
    return _generated(
        "copied(one, changes)", lines, {"new": object.__new__, "cls": cls, "draft": draft, "setters": setters}
    )


def _parameters(cls: Any) -> tuple[str, list[str], dict[str, Any]]:
    """The parameters of a function that makes it, the lines that fill in defaults, and what both name."""
    parameters, lines = [], []
    names: dict[str, Any] = {"MISSING": MISSING}
    for each in fields(cls):
        parameter = each.name
        if each.default is not MISSING:
            names[f"default_{each.name}"] = each.default
            parameter = f"{each.name}=default_{each.name}"
        elif each.default_factory is not MISSING:
            names[f"make_{each.name}"] = each.default_factory
            parameter = f"{each.name}=MISSING"
            lines.append(f"if {each.name} is MISSING: {each.name} = make_{each.name}()")
        parameters.append(parameter)
    return ", ".join(parameters), lines, names


def _draft(cls: Any) -> type:
    """A class with the slots of this one, and nothing else."""
    return type(f"{cls.__name__}Draft", (), {"__slots__": tuple(each.name for each in fields(cls))})


def _generated(signature: str, lines: list[str], names: Mapping[str, Any]) -> Callable[..., Any]:
    """A function with these lines that has these names as locals, which are the quickest to look up."""
    body = "".join(f"        {line}\n" for line in lines)
    name = signature.partition("(")[0]
    source = f"def bind({', '.join(names)}):\n    def {signature}:\n{body}    return {name}\n"
    scope: dict[str, Callable[..., Any]] = {}
    exec(source, scope)  # noqa: S102 - made of the names of fields, as dataclasses do
    made: Callable[..., Any] = scope["bind"](**names)
    return made
