"""The structure, held by the machine: layers, isolation, exports, a promise in each test's docstring."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("notifyhub", "notifyhub_console", "notifyhub_ihuyi", "notifyhub_templates")
MODULES = sorted(
    module.name
    for package in PACKAGES
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    if not module.name.endswith("__main__")
)


def test_import_contracts() -> None:
    """Imports run downwards, the core knows no vendor, and no room stands outside the plan."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_module_imports_alone() -> None:
    """Every module can be the first one imported: none leans on another having been imported before."""
    alone, done = _import_alone(ROOT, PACKAGES)
    assert (alone, done.stderr, done.returncode) == ({*PACKAGES, *MODULES}, "", 0), done.stdout + done.stderr


def test_a_module_that_leans_on_another_is_found(tmp_path: Path) -> None:
    """A module that imports only after its neighbour has been is told by its name, however deep it lies."""
    inner = tmp_path / "leaning" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner.parent, inner):
        (folder / "__init__.py").touch()
    (inner / "first.py").write_text("import leaning.inner\nleaning.inner.name = 'first'\n")
    (inner / "second.py").write_text("from leaning.inner import name\n")
    alone, done = _import_alone(tmp_path, ["leaning"])
    assert alone == {"leaning", "leaning.inner", "leaning.inner.first"}
    assert done.stderr.startswith("leaning.inner.second ImportError(")
    assert done.returncode == 1


@pytest.mark.parametrize("name", [*PACKAGES, *MODULES])
def test_exports_are_sorted_and_whole(name: str) -> None:
    """Every module says what it exports: the list is sorted, each name exists, no public class is missing."""
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", None)
    assert exported is not None, f"{name} has no __all__"
    assert list(exported) == sorted(exported, key=_as_ruff_sorts), f"{name}.__all__ is not sorted"
    for each in exported:
        assert hasattr(module, each), f"{name}.__all__ names {each}, which is not there"
    own = {
        each
        for each, value in vars(module).items()
        if not each.startswith("_") and getattr(value, "__module__", None) == name and isinstance(value, type)
    }
    assert own <= set(exported), f"{name}.__all__ misses {sorted(own - set(exported))}"


def test_public_api_is_what_it_says() -> None:
    """`from notifyhub import …` gives the object of that name, however the package was touched before."""
    import notifyhub

    importlib.import_module("notifyhub.hub")
    for name in notifyhub.__all__:
        value = getattr(notifyhub, name)
        assert getattr(value, "__name__", name) in {name, "_HookimplMarker"}
        assert not isinstance(value, type(notifyhub)), f"{name} is a module"
    with pytest.raises(AttributeError):
        _ = notifyhub.no_such_thing


def test_providers_folders_equal_entry_points() -> None:
    """Each folder of providers/ is an entry point and each entry point a folder: one door for everybody."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["notifyhub"]
    folders = {p.name: f"notifyhub_{p.name}" for p in (ROOT / "providers").iterdir() if p.is_dir()}
    assert declared == {**folders, "templates": "notifyhub_templates"}
    found = {point.name: point.value for point in entry_points(group="notifyhub")}
    assert declared.items() <= found.items()
    for folder in folders:
        assert (ROOT / "providers" / folder / f"notifyhub_{folder}" / "py.typed").is_file()
        assert (ROOT / "docs" / "providers" / f"{folder}.md").is_file(), "same stem everywhere"


def test_folder_names_are_not_imported() -> None:
    """`providers`, `tests` and `templates` import by accident in a checkout; nobody may rely on it."""
    for file in _sources("notifyhub", "providers", "templates", "tests", "docs"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and node.level == 0
                else []
            )
            for name in names:
                assert name.partition(".")[0] not in {"providers", "templates"}, f"{file} imports {name}"
                if "tests" not in file.relative_to(ROOT).parts:
                    assert name.partition(".")[0] != "tests", f"{file} imports {name}"


def test_every_test_states_its_promise() -> None:
    """The docstring of each test is what it promises."""
    silent = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
        for file in _sources("tests", "docs")
        if file.name.startswith("test_")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_import_stays_light() -> None:
    """`import notifyhub` loads none of the heavy packages; each comes with its first use."""
    script = "import sys, notifyhub; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for heavy in ("httpx", "jinja2", "structlog", "pydantic", "phonenumbers", "typer", "rich", "aiohttp"):
        assert f"'{heavy}'" not in done.stdout


def _import_alone(folder: Path, packages: Iterable[str]) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """Import each module of these packages as the first of ours; returns the names of those that could be.

    A module's packages are imported before it, whoever asks for it. So a process that has imported a package,
    and nothing else, is where the import of each module in it begins: it forks one child for each of them.
    """
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, *packages], cwd=folder, capture_output=True, text=True, check=False
    )
    return set(done.stdout.split()), done


_ALONE = """
import gc, importlib, os, pkgutil, sys
# Strangers first: only what is ours is imported afresh in each child.
import httpx, jinja2, phonenumbers, pydantic, pytest, structlog, typer
import rich.console, rich.panel, rich.table
import asyncpg, cryptography.hazmat.primitives.ciphers.aead, django.db, pgqueuer.queries
import psycopg, sqlalchemy.ext.asyncio

def alone(name):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        module = importlib.import_module(name)
        print(name, flush=True)
        inner = pkgutil.iter_modules(getattr(module, "__path__", ()), name + ".")
        good = [alone(each.name) for each in inner if not each.name.endswith("__main__")]
    except BaseException as error:
        print(name, repr(error), file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(not all(good))

gc.disable()
gc.freeze()  # and no child looks through what the strangers have left
sys.exit(not all([alone(name) for name in sys.argv[1:]]))
"""


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest, as the linter's rule for `__all__` has it."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def _sources(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
