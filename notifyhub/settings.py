"""Settings: `notifyhub.toml` (or `[tool.notifyhub]` in pyproject.toml) and the environment.

What a provider instance needs is known to its type only, so its table is kept as it was written;
the registry validates it and fills in the secrets (`env:NAME`, `file:PATH`).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from notifyhub.category import DELIVERY_POLICIES, Category, DeliveryPolicy
from notifyhub.errors import SettingsError, nearest

__all__ = [
    "BreakerSettings",
    "DeduplicateSettings",
    "PluginSettings",
    "PolicySettings",
    "RouteSettings",
    "Settings",
    "SuppressionListSettings",
    "find_settings_file",
    "load_settings",
    "resolve_secrets",
    "validate",
]

FILE_NAME = "notifyhub.toml"
ENVIRONMENT_PREFIX = "NOTIFYHUB__"
# Fields of Settings that tell where it came from; nobody writes them.
_NOT_WRITTEN = frozenset({"folder", "source"})
Model = TypeVar("Model", bound=BaseModel)


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _several(value: Any) -> Any:
    """`"CN"` where a list is expected means `["CN"]`."""
    return (value,) if isinstance(value, str) else value


class RouteSettings(_Table):
    """One `[[routes]]` table; the first that fits a message is taken.

    providers: instance names, in order. channel, country, category: what it is for; each a word or a
    list, and left out where it does not matter. strategy: `in_order`, or `weighted` by `weights`
    (per instance name; 1 where not given).
    """

    providers: tuple[str, ...] = Field(min_length=1)
    channel: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    category: tuple[Category, ...] = ()
    strategy: Literal["in_order", "weighted"] = "in_order"
    weights: Mapping[str, Annotated[float, Field(gt=0)]] = {}

    _lists = field_validator("providers", "channel", "country", "category", mode="before")(_several)

    @field_validator("country")
    @classmethod
    def _upper(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(country.upper() for country in countries)


class SuppressionListSettings(_Table):
    """`[policies.suppression_list]`: addresses that get nothing, or nothing of these categories."""

    addresses: tuple[str, ...] = ()
    categories: tuple[Category, ...] | None = None


class DeduplicateSettings(_Table):
    """`[policies.deduplicate]`: the same words to the same address once in `window` seconds."""

    window: float = Field(default=60.0, gt=0)


class PolicySettings(_Table):
    """`[policies]`: the stock policies that are on."""

    suppression_list: SuppressionListSettings | None = None
    deduplicate: DeduplicateSettings | None = None


class BreakerSettings(_Table):
    """`[breaker]`: failures in a row before an instance is passed over, and for how many seconds."""

    threshold: int = Field(default=5, ge=1)
    cooldown: float = Field(default=30.0, gt=0)


class PluginSettings(_Table):
    """`[plugins]`: installed plugins that are left out, by entry point name."""

    block: tuple[str, ...] = ()


class Settings(_Table):
    """Everything a hub can be told. All of it has a default: with no settings everything goes to the console.

    default_locale: where neither the notification nor the recipient has one. default_country: how
    numbers without a country code are read. default_time_zone: how aware times are written where the
    recipient has none of their own. templates: folders of the application's own notices,
    relative to the settings file. providers: instance tables by name, each with a `type`.
    categories: changes to the delivery policies. folder: where the file lay; relative paths start there.
    """

    default_locale: str = "zh"
    default_country: str = Field(default="CN", min_length=2, max_length=2)
    default_time_zone: str = "Asia/Shanghai"
    templates: tuple[str, ...] = ()
    providers: Mapping[str, Mapping[str, Any]] = Field(default={}, repr=False)
    routes: tuple[RouteSettings, ...] = ()
    categories: Mapping[Category, DeliveryPolicy] = {}
    policies: PolicySettings = PolicySettings()
    breaker: BreakerSettings = BreakerSettings()
    plugins: PluginSettings = PluginSettings()
    folder: Path = Field(default=Path(), exclude=True)
    source: str = Field(default="no settings file", exclude=True)

    _lists = field_validator("templates", mode="before")(_several)

    def delivery_policy(self, category: Category) -> DeliveryPolicy:
        """The delivery policy of a category, with the changes of `[categories.…]`."""
        return self.categories.get(category) or DELIVERY_POLICIES[category]


def load_settings(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings file and the environment.

    path: the file; without it `NOTIFYHUB_CONFIG`, else the nearest `notifyhub.toml` or pyproject.toml
    with `[tool.notifyhub]` from the working directory upwards; without any, the defaults.
    `NOTIFYHUB__PROVIDERS__SMS__ACCOUNT=…` in the environment overrides `providers.sms.account`.

    Raises SettingsError, naming the key and the nearest right one.
    """
    environ = os.environ if environ is None else environ
    given = path if path is not None else environ.get("NOTIFYHUB_CONFIG")
    file = Path(given) if given is not None else find_settings_file(Path.cwd())
    data = {} if file is None else _read(file)
    _override(data, environ)
    return settings_from(data, file)


def settings_from(data: Mapping[str, Any], file: Path | None = None) -> Settings:
    """Settings from plain tables, as they would stand in the file. Raises SettingsError."""
    tables = dict(data)
    for own in _NOT_WRITTEN & tables.keys():
        raise SettingsError("unknown key", field=own, remedy=nearest(own, _keys(Settings)))
    categories = tables.get("categories")
    if isinstance(categories, Mapping):
        # Only what is written changes; the rest of the category's policy stays.
        tables["categories"] = {
            name: {**DELIVERY_POLICIES[Category(name)].model_dump(), **changes}
            if name in set(Category) and isinstance(changes, Mapping)
            else changes
            for name, changes in categories.items()
        }
    if file is not None:
        tables["folder"], tables["source"] = file.resolve().parent, str(file)
    settings = validate(Settings, tables)
    for name, table in settings.providers.items():
        if not isinstance(table.get("type"), str):
            raise SettingsError(
                "missing", field=f"providers.{name}.type", remedy='say which provider it is: type = "ihuyi"'
            )
    return settings


def find_settings_file(start: Path) -> Path | None:
    """The nearest settings file from a folder upwards, or None."""
    for folder in (start, *start.parents):
        own = folder / FILE_NAME
        if own.is_file():
            return own
        project = folder / "pyproject.toml"
        if project.is_file() and "notifyhub" in _toml(project).get("tool", {}):
            return project
    return None


def _read(file: Path) -> dict[str, Any]:
    data = _toml(file)
    if file.name != "pyproject.toml":
        return data
    table = data.get("tool", {}).get("notifyhub", {})
    return dict(table)


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"no such file: {file}", field="config", remedy="`notifyhub init` writes one"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}", field="config") from error


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> None:
    for variable, text in environ.items():
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        *tables, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        table = data
        for name in tables:
            inner = table.setdefault(name, {})
            if not isinstance(inner, dict):
                raise SettingsError(f"`{name}` is not a table", field=variable)
            table = inner
        table[key] = _value(variable, text)


def _value(variable: str, text: str) -> Any:
    # Numbers and booleans stay words: the models read them, and a key of digits must not become a number.
    if not text.startswith(("[", "{", '"')):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            "is not a TOML value", field=variable, remedy="write it as in the file"
        ) from error


def resolve_secrets(table: Mapping[str, Any], field: str, folder: Path) -> dict[str, Any]:
    """Put the values in the place of `env:NAME` and `file:PATH`. Raises SettingsError naming the key."""
    return {key: _secret(value, f"{field}.{key}", folder) for key, value in table.items()}


def _secret(value: Any, field: str, folder: Path) -> Any:
    if isinstance(value, Mapping):
        return resolve_secrets(value, field, folder)
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        found = os.environ.get(name)
        if not found:
            raise SettingsError(
                f"the environment variable {name} is not set",
                field=field,
                remedy=f"set {name}, or change {field}",
            )
        return found
    if value.startswith("file:"):
        file = folder / value.removeprefix("file:")
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"the file {file} cannot be read: {type(error).__name__}",
                field=field,
                remedy=f"create the file, or change {field}",
            ) from error
    return value


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
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        # An unknown key is the likeliest typing error, and often the cause of a missing one beside it.
        fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
        location = fault["loc"]
        dotted = ".".join([*([field] if field else []), *(str(part) for part in location)])
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        if fault["type"] == "extra_forbidden":
            known = _keys(_model_at(model, location[:-1]))
            raise SettingsError(
                f"unknown key{more}", field=dotted, remedy=nearest(str(location[-1]), known)
            ) from None
        problem = "missing" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{problem}{more}", field=dotted) from None


def _keys(model: type[BaseModel] | None) -> Iterable[str]:
    return () if model is None else model.model_fields.keys() - _NOT_WRITTEN


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The nested model that a pydantic error location points at."""
    current: Any = model
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel) and part in current.model_fields:
            current = _inner(current.model_fields[str(part)].annotation)
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
