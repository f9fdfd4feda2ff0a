"""Validation: models from plain data, and errors that name the key and the nearest right one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from notifyhub.errors import Fault, SettingsError, faults_of, nearest
from notifyhub.settings.tables import NOT_WRITTEN

__all__ = ["validate", "writable"]

Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], data: Mapping[str, Any], field: str = "") -> Model:
    """A model from plain data.

    Raises SettingsError for the first thing wrong, with its dotted key below `field` and, for an
    unknown key, the nearest right one. The value is never quoted: it may be a secret.
    """
    if model.model_config.get("extra") is None:
        # pydantic's default drops what it does not know; a mistyped key must not be dropped in silence.
        names = {name for n, info in model.model_fields.items() for name in (n, info.alias) if name}
        for key in data:
            if key not in names:
                dotted = f"{field}.{key}" if field else key
                raise SettingsError("unknown key", field=dotted, remedy=nearest(key, names))
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        faults = faults_of(error)
        # An unknown key is the likeliest typing error, and often the cause of a missing one beside it.
        fault = next((f for f in faults if f.kind == "extra_forbidden"), faults[0])
        dotted = ".".join([*([field] if field else []), *fault.path])
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        if fault.kind == "extra_forbidden":
            known = writable(_model_at(model, fault.path[:-1]))
            raise SettingsError(
                f"unknown key{more}", field=dotted, remedy=nearest(fault.path[-1], known)
            ) from None
        problem, remedy = _told(fault, dotted, model)
        raise SettingsError(f"{problem}{more}", field=dotted, remedy=remedy) from None


def _told(fault: Fault, dotted: str, model: type[BaseModel]) -> tuple[str, str | None]:
    """What is wrong, and what to do, where that is plain. dotted: the key as it stands in the file."""
    if fault.kind == "missing":
        return "missing", f"write `{fault.path[-1]} = …` there"
    if fault.kind == "tuple_type":
        if _model_at(model, fault.path) is not None:
            return "is no list of tables", f"write [[{dotted}]]"
        return "is no list", "write it in [ ]"
    # Our own words have the remedy behind a semicolon, like those of every error.
    problem, _, remedy = fault.said.partition("; ") if fault.kind == "value_error" else (fault.said, "", "")
    return problem, remedy or None


def writable(model: type[BaseModel] | None) -> Iterable[str]:
    """The keys that may be written into this model's table."""
    return () if model is None else model.model_fields.keys() - NOT_WRITTEN


def _model_at(model: type[BaseModel], location: tuple[str, ...]) -> type[BaseModel] | None:
    """The nested model that a pydantic error location points at."""
    current: Any = model
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel) and part in current.model_fields:
            current = _inner(current.model_fields[part].annotation)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _inner(annotation: Any) -> Any:
    """The model inside `tuple[Model, ...]`, `Mapping[str, Model]` or `Model | None`."""
    if get_origin(annotation) is None:
        return annotation
    return next(
        (
            inner
            for arg in get_args(annotation)
            if isinstance(inner := _inner(arg), type) and issubclass(inner, BaseModel)
        ),
        None,
    )
