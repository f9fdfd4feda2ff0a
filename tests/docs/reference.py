"""The generated parts of the reference pages; `python tests/docs/reference.py` writes them anew.

A page is written by hand; between two comments it repeats what the code says:

    <!-- Generated: reasons -->
    …
    <!-- End -->

Where a table's last column is a person's words (settings, rooms), those stay and the others are made anew.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from enum import Enum
from functools import cache
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
COMMAND = "python tests/docs/reference.py"

_REGION = re.compile(r"(<!-- Generated: ([^\n]+?) -->\n)(.*?)(<!-- End -->)", re.DOTALL)
_CODE_SPAN = re.compile(r"(`[^`]*`)")


def regions(page: str) -> Iterator[tuple[str, str]]:
    """What a page has generated: the words after `Generated:`, and what stands there now."""
    for found in _REGION.finditer(page):
        yield found[2], found[3]


def anew(page: str) -> str:
    """The page with its generated parts as the code would have them."""

    def make(found: re.Match[str]) -> str:
        name, *arguments = found[2].split()
        return f"{found[1]}\n{_PARTS[name](found[3], *arguments).strip()}\n\n{found[4]}"

    return _REGION.sub(make, page)


def pages() -> list[Path]:
    """Every page that has something generated."""
    return [file for file in sorted(DOCS.rglob("*.md")) if _REGION.search(file.read_text(encoding="utf-8"))]


# Markdown


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A table; a `|` in a cell is escaped."""
    lines = [columns, ["---"] * len(columns), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


def read_table(text: str) -> list[dict[str, str]]:
    """The first table in a text, a dict a row by column; code marks stay."""
    lines = (_TABLE.search(text) or [""])[0].splitlines()
    if len(lines) < 2:
        return []
    head, _, *rows = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines)
    return [dict(zip(head, row, strict=True)) for row in rows]


_TABLE = re.compile(r"^\|.*(?:\n\|.*)*", re.MULTILINE)


def sections(page: str) -> dict[str, str]:
    """The text below each heading, of any depth, by the heading's words without code marks."""
    found = _HEADING.split(_BLOCK.sub(_quiet, page))
    return {head.replace("`", "").strip(): body for head, body in zip(found[1::2], found[2::2], strict=True)}


_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def _quiet(block: re.Match[str]) -> str:
    """A code block whose comments are not taken for headings."""
    return re.sub(r"^#", " #", block[0], flags=re.MULTILINE)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _code(value: object) -> str:
    return f"`{value}`"


def _mark(mark: bool) -> str:
    return "yes" if mark else "no"


# Settings


def settings_table(old: str, model: str) -> str:
    """The keys of a settings model with type and default; the meanings are kept."""
    kept = {row["key"]: row["meaning"] for row in read_table(old)}
    module, _, name = model.partition(":")
    rows = [
        [_code(key), _type_of(field), _default(field), kept.get(_code(key), "")]
        for key, field in getattr(import_module(module), name).model_fields.items()
        if not field.exclude
    ]
    return table(["key", "type", "default", "meaning"], rows)


def _type_of(field: Any) -> str:
    return ", ".join(filter(None, [_words(field.annotation), _limits(field)]))


def _words(annotation: Any, plural: str = "") -> str:
    plain = {
        str: "string", int: "integer", float: "number", bool: "boolean", SecretStr: "secret string",
        date: "date", time: "time",
    }  # fmt: skip
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _words(arguments[0], plural)
    if origin in (Union, UnionType):
        return " or ".join(_words(each, plural) for each in arguments if each is not type(None))
    if origin is Literal:
        return " or ".join(_code(json.dumps(each)) for each in arguments)
    if origin is tuple:
        return f"list of {_words(arguments[0], 's')}"
    if origin is not None and issubclass(origin, Mapping):
        inner = arguments[1]
        return "tables by name" if _is_table(inner) else f"table of {_words(inner, 's')}"
    if annotation in plain:
        return plain[annotation] + plural
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        if not plural:
            return " or ".join(_code(json.dumps(each.value)) for each in annotation)
        name = annotation.__name__.lower()
        return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
    if _is_table(annotation):
        return f"table{plural}"
    raise TypeError(f"tests/docs/reference.py has no words for {annotation}")


def _is_table(annotation: Any) -> bool:
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, BaseModel | Mapping)


def _limits(field: Any) -> str:
    """`gt`, `ge`, `le`, `min_length`, `max_length` in words."""
    found = {
        name: getattr(each, name)
        for each in field.metadata
        for name in ("gt", "ge", "le", "min_length", "max_length")
        if getattr(each, name, None) is not None
    }
    words = [f"above {found['gt']:g}"] if "gt" in found else []
    words += [f"at least {found['ge']:g}"] if "ge" in found else []
    words += [f"at most {found['le']:g}"] if "le" in found else []
    least, most = found.get("min_length"), found.get("max_length")
    if get_origin(field.annotation) is tuple:
        words += [f"at least {least}"] if least else []
    elif least is not None and least == most:
        words.append(f"{least} characters")
    elif most is not None:
        words.append(f"{least or 0} to {most} characters")
    return ", ".join(words)


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    return "none" if field.default is None else toml(field.default)


def toml(value: Any) -> str:
    """A default as the file would write it; `see there` for a table that has a section of its own."""
    if isinstance(value, BaseModel):
        return "see there"
    value = value.value if isinstance(value, Enum) else list(value) if isinstance(value, tuple) else value
    return _code(json.dumps(value, ensure_ascii=False))


# Reasons and categories


def reasons_table(old: str) -> str:
    """The reason table."""
    from notifyhub.reason import REASONS

    rows = [
        [
            _code(reason),
            rule.scope,
            _mark(rule.failover),
            str(rule.retries),
            _mark(rule.rounds),
            rule.breaker,
            rule.meaning,
        ]
        for reason, rule in REASONS.items()
    ]
    return table(["reason", "scope", "failover", "retries", "rounds", "breaker", "meaning"], rows)


def policies_table(old: str) -> str:
    """The delivery policy of each category."""
    from notifyhub.category import DELIVERY_POLICIES, DeliveryPolicy

    keys = list(DeliveryPolicy.model_fields)
    rows = [
        [_code(category), *(toml(getattr(policy, key)) for key in keys)]
        for category, policy in DELIVERY_POLICIES.items()
    ]
    return table(["category", *(_code(key) for key in keys)], rows)


# Providers


def codes_table(old: str, module: str) -> str:
    """A vendor's code table, with what notifyhub does about each code."""
    from notifyhub.reason import REASONS

    rows = []
    for row in import_module(module).CODES:
        rule = REASONS[row.reason] if row.reason is not None else None
        pause = row.retry_after if rule is not None and rule.retries else None
        again = "no" if pause is None else f"after {pause:g} s" if pause else "at once"
        rows.append(
            [
                row.code,
                row.meaning,
                "accepted" if row.reason is None else _code(row.reason),
                "–" if rule is None else again,
                "–" if rule is None else _mark(rule.failover),
                row.note,
            ]
        )
    return table(["code", "文档原意", "reason", "retry", "failover", "note"], rows)


def numbers_table(old: str, module: str) -> str:
    """The numbers that make a simulator misbehave."""
    faults = import_module(module).FAULTS.values()
    return table(["number", "what happens"], [[fault.number, fault.words] for fault in faults])


# The command line


def command(old: str, *words: str) -> str:
    """A command's help: its sentences, its arguments and its options."""
    found, path = _command(" ".join(words))
    params = sorted(found.params, key=lambda param: param.param_type_name != "argument")
    rows = [row for param in params if (row := _param(param))]
    if not any(words == "--help" for words, _ in rows):
        rows.append(("--help", "Show this message and exit."))
    width = max(len(words) for words, _ in rows) + 2
    lines = [*_usage(found, path), ""]
    for paragraph in paragraphs(found.help):
        lines += [*textwrap.wrap(paragraph, 96), ""]
    for words, said in rows:
        first, *more = textwrap.wrap(said, 96 - width) or [""]
        lines += [f"  {words:<{width}}{first}".rstrip(), *(" " * (width + 2) + each for each in more)]
    return "```text\n" + "\n".join(lines) + "\n```"


def commands() -> dict[str, Any]:
    """Every command by its words (`send`, `ledger`, `ledger find`), in the program's order."""
    return dict(_below(_program(), ""))


def _below(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    for name, each in group.commands.items():
        yield before + name, each
        if hasattr(each, "commands"):
            yield from _below(each, f"{before}{name} ")


def options(name: str) -> set[str]:
    """The long options of a command."""
    params = [each for each in _command(name)[0].params if each.param_type_name == "option"]
    return {"--help", *(word for each in params for word in each.opts if word.startswith("--"))}


def paragraphs(text: str | None) -> list[str]:
    """The paragraphs of a help text, each in one line."""
    return [" ".join(each.split()) for each in re.split(r"\n\s*\n", (text or "").strip())]


@cache
def _program() -> Any:
    import typer.main

    from notifyhub.cli.app import app

    return typer.main.get_command(app)


def _command(name: str) -> tuple[Any, str]:
    return (commands()[name], f"notifyhub {name}") if name else (_program(), "notifyhub")


def _usage(found: Any, path: str) -> list[str]:
    named = [_argument(param) for param in found.params if param.param_type_name == "argument"]
    return [" ".join([path, "[OPTIONS]", *(["COMMAND …"] if hasattr(found, "commands") else named)])]


def _argument(param: Any) -> str:
    name = (param.metavar or param.name.upper()).strip("[]")
    return name if param.required else f"[{name}]"


def _param(param: Any) -> tuple[str, str] | None:
    """An argument or option, and what is said of it."""
    if getattr(param, "hidden", False):
        return None
    said = " ".join((getattr(param, "help", None) or "").split())
    if param.param_type_name == "argument":
        words = _argument(param).strip("[]")
    else:
        takes_value = not (getattr(param, "is_flag", False) or getattr(param, "count", False))
        words = ", ".join(param.opts) + (f" {param.metavar or param.name.upper()}" if takes_value else "")
        said += " [required]" if param.required else ""
    default = param.default
    if getattr(param, "show_default", True) and default not in (None, False, "", 0):
        said += f" [default: {getattr(default, 'value', default)}]"
    return words, said


# The public names


def api(old: str, *names: str) -> str:
    """A section for each name: what it is in a line, its signature, and its public methods.

    A name that is not at the top level is written with its module: `notifyhub.dispatch:Ticket`.
    """
    return "\n\n".join(_entry(name) for name in names)


def _entry(named: str) -> str:
    module, _, name = named.rpartition(":")
    value = getattr(import_module(module or "notifyhub"), name)
    node = _node(name, value)
    head = f"### `{name}`\n\n" + (f"From `{module}`.\n\n" if module else "")
    if isinstance(node, ast.ClassDef):
        return head + _class_entry(node, value)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return head + f"{_code(_signature(node))}\n\n{_first_words(node)}"
    # An assignment, whose docstring is the string after it.
    import notifyhub

    return head + _after(name, import_module(f"notifyhub.{notifyhub._HOME[name]}"))


def _class_entry(node: ast.ClassDef, value: type) -> str:
    said = "\n\n".join(_named(each) for each in paragraphs(ast.get_docstring(node)))
    if issubclass(value, Enum):
        return f"{said}\n\nValues: {', '.join(_code(each.value) for each in value)}."
    if issubclass(value, BaseException):
        return f"{_code(f'class {node.name}({ast.unparse(node.bases[0])})')}\n\n{said}"
    made = _constructor(node, value)
    methods: dict[str, str] = {}
    for each in (each for part in (node, *_bases(value)) for each in part.body):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and not each.name.startswith("_"):
            methods.setdefault(each.name, f"- {_code(_method(each, node.name))}: {_first_words(each)}")
    return "\n\n".join(
        filter(None, [made and _code(f"{node.name}({made})"), said, "\n".join(methods.values())])
    )


def _bases(value: type) -> Iterator[ast.ClassDef]:
    """The classes of ours that it has methods from, besides models, whose methods are pydantic's."""
    for base in value.__mro__[1:]:
        if base.__module__.startswith("notifyhub") and not issubclass(base, BaseModel):
            node = _node(base.__name__, base)
            if isinstance(node, ast.ClassDef):
                yield node


def _named(paragraph: str) -> str:
    """The names that a docstring explains (`to: the address. text: the words.`) as code."""
    return re.sub(
        r"(^|(?<=[.;] ))([a-z_]+(?:, [a-z_]+)*): ",
        lambda found: ", ".join(map(_code, found[2].split(", "))) + ": ",
        paragraph,
    )


def _constructor(node: ast.ClassDef, value: type) -> str:
    """What a call of the class takes: its `__init__`, else its fields."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return _arguments(each.args)
    fields = [
        f"{ast.unparse(each.target)}: {ast.unparse(each.annotation)}{_value(each)}"
        for each in node.body
        if isinstance(each, ast.AnnAssign) and _is_field(each)
    ]
    by_name = issubclass(value, BaseModel) or any("kw_only" in ast.unparse(m) for m in node.decorator_list)
    return ", ".join(["*", *fields] if by_name and fields else fields)


def _is_field(node: ast.AnnAssign) -> bool:
    return isinstance(node.target, ast.Name) and not node.target.id.startswith("_")


def _value(node: ast.AnnAssign) -> str:
    if node.value is None:
        return ""
    if isinstance(node.value, ast.Call):
        given = {keyword.arg: keyword.value for keyword in node.value.keywords}
        if "default" in given:
            return f" = {ast.unparse(given['default'])}"
        return " = …" if "default_factory" in given or ast.unparse(node.value.func)[0].isupper() else ""
    return f" = {ast.unparse(node.value)}"


def _method(node: ast.FunctionDef | ast.AsyncFunctionDef, owner: str) -> str:
    marks = {ast.unparse(mark) for mark in node.decorator_list}
    if "property" in marks:
        return f"{node.name} -> {ast.unparse(node.returns) if node.returns else 'None'}"
    kind = "await " if isinstance(node, ast.AsyncFunctionDef) else ""
    return f"{kind}{owner + '.' if 'classmethod' in marks else ''}{_signature(node)}"


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({_arguments(node.args)}){returns}"


def _arguments(arguments: ast.arguments) -> str:
    """As `ast.unparse` has them, without `self`, and with the spaces it leaves out."""
    by_place = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(by_place) - len(arguments.defaults)) + list(arguments.defaults)
    words = [_argument_words(*each) for each in zip(by_place, defaults, strict=True)]
    words = words[1:] if words[:1] in (["self"], ["cls"]) else words
    if arguments.vararg:
        words.append("*" + _argument_words(arguments.vararg))
    elif arguments.kwonlyargs:
        words.append("*")
    words += map(_argument_words, arguments.kwonlyargs, arguments.kw_defaults)
    return ", ".join([*words, *(["**" + _argument_words(arguments.kwarg)] if arguments.kwarg else [])])


def _argument_words(argument: ast.arg, default: ast.expr | None = None) -> str:
    kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
    return f"{argument.arg}{kind}{f' = {ast.unparse(default)}' if default else ''}"


def _first_words(node: Any) -> str:
    return paragraphs(ast.get_docstring(node))[0]


def _node(name: str, value: Any) -> ast.AST | None:
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return None
    module = inspect.getmodule(value)
    assert module is not None
    return next(each for each in _tree(module.__name__).body if getattr(each, "name", None) == name)


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(import_module(module)))


def _after(name: str, module: Any) -> str:
    body = _tree(module.__name__).body
    place = next(
        number
        for number, each in enumerate(body)
        if isinstance(each, ast.Assign) and [ast.unparse(target) for target in each.targets] == [name]
    )
    said = body[place + 1]
    assert isinstance(said, ast.Expr)
    assert isinstance(said.value, ast.Constant)
    return paragraphs(str(said.value.value))[0]


def hook_signatures() -> dict[str, str]:
    """Each hook's signature by its name, as the page of hooks writes it."""
    from notifyhub import hookspecs

    return {
        each.name: _signature(each)
        for each in _tree(hookspecs.__name__).body
        if isinstance(each, ast.FunctionDef) and each.name.startswith("notifyhub_")
    }


# The rooms


def layers() -> list[list[str]]:
    """The rooms of `notifyhub` as the import contract has them, the uppermost layer first."""
    (contract,) = (each for each in contracts() if each["type"] == "layers")
    return [re.split(r"\s*[|:]\s*", layer) for layer in contract["layers"]]


def contracts() -> list[dict[str, Any]]:
    """The import contracts of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return found


def rooms_table(old: str) -> str:
    """The rooms with their layers; what each holds is kept."""
    kept = {row["room"]: row["holds"] for row in read_table(old)}
    above = len(layers())
    rows = [
        [str(above - number), room, kept.get(room, "")]
        for number, layer in enumerate(layers(), 1)
        for room in (_code(each) for each in layer)
    ]
    return table(["layer", "room", "holds"], rows)


_PARTS: Mapping[str, Callable[..., str]] = {
    "api": api,
    "codes": codes_table,
    "command": command,
    "numbers": numbers_table,
    "policies": policies_table,
    "reasons": reasons_table,
    "rooms": rooms_table,
    "settings": settings_table,
}


def main() -> int:
    """Write what is out of date; says which pages."""
    for file in pages():
        before = file.read_text(encoding="utf-8")
        after = anew(before)
        if after != before:
            file.write_text(after, encoding="utf-8", newline="\n")
            print(f"written: {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
