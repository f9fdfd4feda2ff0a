"""Record: a frozen, slotted, keyword-only dataclass that is quick to make and to copy.

A frozen dataclass sets each field through `object.__setattr__`, which looks its slot up by name; with
twenty fields that is most of what making one costs, and several are made for each message. Here
`__init__` is generated with the slots' own setters in hand. Nothing else differs from a dataclass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import wraps
from typing import Any, TypeVar, dataclass_transform

__all__ = ["copier", "record"]

Class = TypeVar("Class", bound=type)
Instance = TypeVar("Instance")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record(cls: Class) -> Class:
    """Make the class such a dataclass. `__post_init__` and fields with `init=False` are not provided for."""
    made: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    names = _setters(made)
    parameters, lines = [], []
    for each in fields(made):
        value, parameter = each.name, each.name
        if each.default is not MISSING:
            names[f"default_{each.name}"] = each.default
            parameter = f"{each.name}=default_{each.name}"
        elif each.default_factory is not MISSING:
            names[f"make_{each.name}"] = each.default_factory
            names["MISSING"] = MISSING
            parameter = f"{each.name}=MISSING"
            value = f"make_{each.name}() if {each.name} is MISSING else {each.name}"
        parameters.append(parameter)
        lines.append(f"set_{each.name}(self, {value})")
    init = _generated(f"__init__(self, *, {', '.join(parameters)})", lines, names)
    made.__init__ = wraps(made.__init__)(init)
    result: Class = made
    return result


def copier(cls: type[Instance]) -> Callable[[Instance, Mapping[str, Any]], Instance]:
    """A function `(one, changes)` that copies a record with some fields changed; quicker than `replace`."""
    setters = _setters(cls)
    names = {**setters, "new": object.__new__, "cls": cls, "setters": {k[4:]: v for k, v in setters.items()}}
    lines = [
        "copy = new(cls)",
        *(f"set_{each.name}(copy, one.{each.name})" for each in fields(cls)),  # type: ignore[arg-type]
        "for name, value in changes.items():",
        "    setters[name](copy, value)",
        "return copy",
    ]
    return _generated("copied(one, changes)", lines, names)


def _setters(cls: Any) -> dict[str, Any]:
    return {f"set_{each.name}": cls.__dict__[each.name].__set__ for each in fields(cls)}


def _generated(signature: str, lines: list[str], names: Mapping[str, Any]) -> Callable[..., Any]:
    """A function with these lines that has these names as locals, which are the quickest to look up."""
    body = "".join(f"        {line}\n" for line in lines)
    name = signature.partition("(")[0]
    source = f"def bind({', '.join(names)}):\n    def {signature}:\n{body}    return {name}\n"
    scope: dict[str, Callable[..., Any]] = {}
    exec(source, scope)  # noqa: S102 - made of the names of fields, as dataclasses do
    made: Callable[..., Any] = scope["bind"](**names)
    return made
