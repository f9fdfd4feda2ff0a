"""Manifest: what a notice says of itself in `notice.toml`.

summary = "A verification code"
category = "otp"

[variables.code]
type = "code"                  # see notifyhub.template.kinds for the types
example = "123456"
description = "the code to type in"

[[bindings]]                   # see notifyhub.message.Binding
provider = "ihuyi"
template_id = "1"
text = "您的验证码是：【变量】。请不要把验证码泄露给其他人。"
slots = ["code"]
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from notifyhub.category import Category
from notifyhub.errors import TemplateError, faults_of, nearest
from notifyhub.message import Binding
from notifyhub.template.kinds import KINDS, Checker, Unfit

__all__ = ["Manifest", "PlanRow", "Variable"]

_VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
# Jinja's own words, and what the sandbox puts into every template.
_RESERVED = frozenset(
    """
    true false none not and or in is if else for set block extends include import macro call filter
    with loop self super caller varargs kwargs range context
    """.split()  # noqa: SIM905 - a word list reads better as one
)


class Variable(BaseModel):
    """One variable of a notice.

    type: one of `notifyhub.template.kinds.KINDS`. required: whether it must be given; default: what
    stands for it otherwise (a variable with a default is never missing). example: what lint, previews
    and documentation use. description: for people. min_length, max_length: characters. min, max: of
    numbers, both inclusive. hosts: what a `url` may point to, exactly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["text", "code", "integer", "amount", "time", "identifier", "url"]
    required: bool = True
    default: Any = None
    example: Any = None
    description: str = ""
    min_length: int | None = Field(default=None, ge=1)
    max_length: int | None = Field(default=None, ge=1, le=2000)
    min: Decimal | None = None
    max: Decimal | None = None
    hosts: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _limits_fit(self) -> Self:
        limits = self._limits()
        for name in limits:
            if name not in KINDS[self.type].limits:
                raise ValueError(f"`{name}` is no limit of the type {self.type}")
        if self.type == "integer" and any(limit % 1 for limit in (self.min, self.max) if limit is not None):
            raise ValueError("min and max of an integer are whole numbers")
        if self.type == "url":
            if not self.hosts:
                raise ValueError("a url needs `hosts`, the hosts it may point to")
            if any(not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host) for host in self.hosts):
                raise ValueError("`hosts` are bare host names in lower case")
        if self.default is not None:
            try:
                self.checker(self.default, None)
            except Unfit as unfit:
                raise ValueError(f"the default {unfit.problem}; {unfit.remedy}") from None
        return self

    def _limits(self) -> dict[str, Any]:
        limits = {name: getattr(self, name) for name in ("min_length", "max_length", "min", "max", "hosts")}
        return {name: limit for name, limit in limits.items() if limit is not None}

    @cached_property
    def checker(self) -> Checker:
        """Checks and writes one value: `(value, time zone) -> str`; raises Unfit."""
        return KINDS[self.type].build(**self._limits())


class PlanRow(NamedTuple):
    """A variable as checking needs it: everything that can be known beforehand, once."""

    name: str
    checker: Checker
    default: str | None
    required: bool


class Manifest(BaseModel):
    """A notice's manifest.

    summary: one line for `notifyhub templates list`. category: decides the delivery policy.
    variables: by name, in the file's order. bindings: what vendors have approved for its words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: str = Field(min_length=1, max_length=200)
    category: Category
    variables: Mapping[str, Variable] = Field(default_factory=dict)
    bindings: tuple[Binding, ...] = ()
    _name: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in self.variables:
            if not _VARIABLE_NAME.fullmatch(name) or name in _RESERVED:
                raise ValueError(f"`{name[:64]}` is no name for a variable; use a-z, 0-9 and _")
        taken: set[tuple[str, str, str]] = set()
        for binding in self.bindings:
            place = (binding.provider, binding.channel, binding.locale.replace("_", "-").lower())
            if place in taken:
                raise ValueError(f"two bindings for {binding.provider}, {binding.channel}, {binding.locale}")
            taken.add(place)
            for slot in binding.slots:
                if slot not in self.variables:
                    hint = nearest(slot, self.variables)
                    raise ValueError(
                        f"a slot names `{slot}`, which is no variable" + (f"; {hint}" if hint else "")
                    )
        return self

    @property
    def name(self) -> str:
        """The notice's name; "" for a manifest that was not read from a notice."""
        return self._name

    @cached_property
    def plan(self) -> tuple[PlanRow, ...]:
        """The variables prepared for `check`, in the file's order."""
        return tuple(
            PlanRow(
                name,
                variable.checker,
                None if variable.default is None else variable.checker(variable.default, None),
                variable.required,
            )
            for name, variable in self.variables.items()
        )

    def examples(self, *, optional: bool = True) -> dict[str, Any]:
        """The examples as data for rendering; without the optional variables if so wished."""
        return {
            name: variable.example
            for name, variable in self.variables.items()
            if variable.example is not None and (optional or (variable.required and variable.default is None))
        }

    @classmethod
    def read(cls, name: str, text: str) -> Manifest:
        """The manifest of the notice `name` from the text of its `notice.toml`.

        Raises TemplateError that names the notice, the key and the nearest known key.
        """
        try:
            manifest = cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise TemplateError(f"notice.toml is no TOML: {error}", field=name) from error
        except ValidationError as error:
            raise _explain(name, error) from None
        manifest._name = name
        return manifest


def _explain(name: str, error: ValidationError) -> TemplateError:
    first = faults_of(error)[0]
    place, key = first.path, first.key
    remedy = None
    match first.kind:
        case "extra_forbidden":
            problem = f"unknown key `{key}`"
            remedy = nearest(place[-1], _known(place))
        case "missing":
            problem = f"`{key}` is missing"
        case "literal_error" | "enum":
            problem = f"`{key}` is not one of the possible values"
            remedy = f"known: {', '.join(KINDS if place[0] == 'variables' else list(Category))}"
        case _:
            problem = f"`{key}`: {first.said}" if key else first.said
    return TemplateError(f"notice.toml: {problem}", field=name, remedy=remedy)


def _known(place: tuple[str, ...]) -> Iterable[str]:
    if place[0] == "variables" and len(place) > 2:
        return Variable.model_fields
    if place[0] == "bindings" and len(place) > 2:
        return Binding.model_fields
    return Manifest.model_fields
