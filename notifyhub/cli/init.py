"""`notifyhub init`: a commented notifyhub.toml that works as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from notifyhub.cli.toml import toml_value
from notifyhub.errors import SettingsError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from notifyhub.providers import ProviderType

__all__ = ["init", "starter"]

_HEAD = """\
# notifyhub.toml: found upwards from the working directory, or named by NOTIFYHUB_CONFIG.
# Look it over with `notifyhub check`. Any key can come from the environment instead:
# NOTIFYHUB__PROVIDERS__CONSOLE__REVEAL=true

default_locale = "zh"        # for recipients without one
default_country = "CN"       # how numbers without a country code are read
# templates = ["notices"]    # folders of your own notices, relative to this file

# Provider instances: a name of yours, and a type. Without routes they are asked in this order.
# What no vendor took, the console below prints and counts as accepted: take it out where people wait.

"""
_TAIL = """\
# The first route that fits a message is taken; what is left out does not matter.
# [[routes]]
# channel = "sms"
# country = "CN"
# category = ["otp", "alert"]
# providers = ["console"]    # instance names, in order
# strategy = "in_order"      # or "by_health"; or "weighted", with: weights = { console = 1 }
# [[route_tests]]            # tried by `notifyhub check`
# to = "13800138000"
# notice = "login/code"
# expect = "console"

# What may follow an attempt that may have gone out, per category. As it is: otp goes once more
# through another instance, alert is tried again, order and marketing are never sent twice.
# [categories.alert]
# max_submits = 2

# What is asked before each message. These two are on: they keep you within what vendors allow, and heed
# whoever answered TD or is on a vendor's blacklist.
[policies]
vendor_limits = true

[policies.suppression_list]
# addresses = []             # these get nothing, besides whoever is on the list

# [[policies.limits]]        # of one notice to one person
# limit = ["1/60s", "5/day"]
# per = ["recipient", "notice"]
# category = "otp"

# [[policies.limits]]        # of everything to one person
# limit = "20/day"
# over = "suppress"          # or "defer": it waits for its turn

# [[policies.quiet_hours]]   # the recipient's own night
# start = "21:00"
# end = "09:00"
# category = "marketing"

# [[policies.budgets]]       # altogether
# amount = 5000
# unit = "parts"             # or "money", or "messages"
# per = "day"

# [policies.balance_guard]   # warns of an account that runs low, passes over an empty one
# warn_below = { default = 1000 }

# [policies.deduplicate]
# window = 60.0              # seconds in which the same words go to the same address once

# Where deliveries are kept. In memory they end with the process; in a database nothing accepted is lost,
# and `notifyhub enqueue` and `notifyhub worker` send from it.
# [ledger]
# url = "sqlite:///notifyhub.db"   # relative to this file; or "postgresql://…", or "env:NAME"
# keys = ["env:NOTIFYHUB_KEY"]     # seal addresses and words; `notifyhub ledger key` makes one
# [dispatch]
# concurrency = 16           # deliveries under way at the same time in one worker
# engine = "embedded"        # or "pgqueuer", for workers on many machines

# [plugins]
# block = []                 # installed plugins to leave out; `notifyhub plugins` lists them
"""


def init(
    path: Annotated[Path, typer.Option("--path", metavar="FILE", help="Where to write it.")] = Path(
        "notifyhub.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented notifyhub.toml that works at once, with a section for every installed vendor."""
    from notifyhub.plugins import Plugins

    file = path / "notifyhub.toml" if path.is_dir() else path
    text = starter(list(Plugins().provider_types().values()))
    try:
        # "x" creates or fails: nothing can come between looking and writing.
        with file.open("w" if force else "x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise SettingsError(
            f"{file} is already there", field="path", remedy="give --force to overwrite it, or another --path"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be written: {error.strerror}", field="path", remedy="give another --path"
        ) from None
    print(f"Wrote {file}. Try: notifyhub send login/code --to 13800138000 --var code=123456")


def starter(types: list[ProviderType]) -> str:
    """The text of the file. Types that need something are commented out; the console stands as it is."""
    ready = [kind for kind in types if not any(f.is_required() for f in kind.settings.model_fields.values())]
    needy = [kind for kind in types if kind not in ready]
    # The vendors first: whoever uncomments one wants it asked before the console.
    ready.sort(key=lambda kind: kind.name != "console")
    names: dict[str, ProviderType] = {}
    for kind in (*needy, *ready):
        channel = min(kind.channels - {"*"}, default=kind.name)
        # Two vendors for one channel: the second goes by its own name, so that both can be switched on.
        names[kind.name if channel in names else channel] = kind
    sections = [
        "\n".join(_section(name, kind, "" if kind.name == "console" else "# ")) + "\n"
        for name, kind in names.items()
    ]
    return _HEAD + "\n".join(sections) + "\n" + _TAIL


def _section(name: str, kind: ProviderType, comment: str) -> Iterator[str]:
    """The table of one instance, made from the type's own settings model, so that it is never out of date."""
    if kind.summary:
        yield f"# {kind.summary}"
    yield f"{comment}[providers.{name}]"
    yield f'{comment}type = "{kind.name}"'
    for key, field in kind.settings.model_fields.items():
        if field.is_required():
            value = toml_value(f"env:{kind.name}_{key}".upper().replace("ENV:", "env:"))
            yield _line(comment, key, value, field, "read from the environment")
        elif isinstance(field.default, str | bool | int | float):
            # Shown with its default, so switched off: it says what there is, and changes nothing.
            yield _line("# ", key, toml_value(field.default), field, "")


def _line(comment: str, key: str, value: str, field: FieldInfo, otherwise: str) -> str:
    words = [field.description or "", *_choices(field.annotation, field.default)]
    said = "; ".join(word for word in words if word) or otherwise
    return f"{comment}{key} = {value}" + (f"  # {said}" if said else "")


def _choices(annotation: Any, default: object) -> list[str]:
    if get_origin(annotation) is not Literal:
        return []
    return ["or " + ", ".join(toml_value(value) for value in get_args(annotation) if value != default)]
