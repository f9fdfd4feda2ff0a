"""Checking the data of a notification against its notice's manifest, before any template sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING

from notifyhub.errors import InvalidVariable, nearest
from notifyhub.template.kinds import Unfit

if TYPE_CHECKING:
    from notifyhub.template.manifest import Manifest

__all__ = ["check"]


def check(
    manifest: Manifest, data: Mapping[str, object], *, time_zone: str | tzinfo | None = None
) -> dict[str, str]:
    """The notice's variables, typed, normalised (NFKC) and written as they will stand in the words.

    In the manifest's order; a missing optional variable without a default is absent. None is as good
    as absent. time_zone: what aware times are brought to; without it they keep their own.

    Raises InvalidVariable (`field` is the variable's name) for a missing, unknown or unfit one; the
    error never quotes the value.
    """
    checked: dict[str, str] = {}
    seen = 0
    for name, checker, default, required in manifest.plan:
        value = data.get(name)
        if value is None:
            if name in data:
                seen += 1
            if default is not None:
                checked[name] = default
            elif required:
                raise _missing(manifest, name, data)
            continue
        seen += 1
        try:
            checked[name] = checker(value, time_zone)
        except Unfit as unfit:
            raise InvalidVariable(unfit.problem, field=name, remedy=unfit.remedy) from None
    if seen != len(data):
        raise _unknown(manifest, data)
    return checked


def _missing(manifest: Manifest, name: str, data: Mapping[str, object]) -> InvalidVariable:
    # A mistyped name is both missing and unknown; the unknown one is what the caller can see.
    strangers = [given for given in data if given not in manifest.variables]
    if strangers and nearest(str(strangers[0]), [name]) == f"did you mean `{name}`?":
        return _unknown(manifest, data)
    description = manifest.variables[name].description
    hint = f"give `{name}`: {description}" if description else f"give `{name}`"
    return InvalidVariable(f"missing; the notice `{manifest.name}` needs it", field=name, remedy=hint)


def _unknown(manifest: Manifest, data: Mapping[str, object]) -> InvalidVariable:
    name = next(str(given) for given in data if given not in manifest.variables)
    return InvalidVariable(
        f"the notice `{manifest.name}` has no such variable",
        field=name[:64],
        remedy=nearest(name, manifest.variables) or "it takes none",
    )
