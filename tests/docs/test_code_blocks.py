"""The code of README and docs runs, and prints what the pages say it prints.

A page is played in a folder of its own, its blocks in order. What a block is follows from its language;
what cannot be seen from that, an HTML comment in the line above it says:

| comment | means |
|---|---|
| `<!-- file: NAME -->` | the block is also written to that file, where later blocks find it |
| `<!-- adds to: NAME -->` | it is appended to that file instead |
| `<!-- continues -->` | a python block that goes on with the names of the one before |
| `<!-- exit: N -->` | a shell block whose command ends with this status |
| `<!-- in the background -->` | a shell block whose command goes on until the page ends |
| `<!-- output -->` | what the block before printed, standard error included |
| `<!-- output: without the log -->` | the same, but of a shell block only what went to standard output |
| `<!-- run by: TEST -->` | that test runs the block |
| `<!-- skip: REASON -->` | it is not run; a reason there must be |

- `python` is run, `await` at the top level included; files for pytest (`test_*.py`, `conftest.py`) are
  run by the page's own `pytest` command.
- `toml` is a project's, a notice's manifest, or settings; settings must load, and a hub must start with them
  where their provider types are installed. Whatever they read from the environment is there.
- `sh` has one command a line: `notifyhub …`, `pytest …` or `export NAME=VALUE`.

Outputs are compared after `normalised`: ids, serial numbers, times, ports and durations are never the same
twice. Port 8106 stands for a free one.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import logging
import os
import re
import shlex
import socket
import subprocess
import sys
import tomllib
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog
from typer.testing import CliRunner

from notifyhub import Hub, NotifyhubError, Plugins
from notifyhub.cli.app import app
from notifyhub.ledger.sealing import new_key
from notifyhub.settings import settings_from
from notifyhub.template.manifest import Manifest

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("README*.md")),
    *(p for p in sorted((ROOT / "docs").rglob("*.md")) if "plugins" not in p.relative_to(ROOT).parts),
]
SHELLS = ("sh", "bash", "shell", "console")
OTHERS = ("text", "json", "jinja", "html", "mermaid")
COMMENTS = ("file", "adds to", "continues", "exit", "in the background", "output", "run by", "skip")
PORT = "8106"


@dataclass(frozen=True)
class Block:
    """One fenced block. where: page and line, as an editor jumps to it."""

    language: str
    code: str
    where: str
    line: int
    comments: dict[str, str]


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order, with the comments that stand right above each."""
    blocks: list[Block] = []
    comments: dict[str, str] = {}
    lines = iter(enumerate(page.read_text(encoding="utf-8").split("\n"), 1))
    for number, line in lines:
        if comment := re.fullmatch(r"\s*<!-- ([a-z ]+?)(?:: (.+?))? -->", line):
            comments[comment[1]] = comment[2] or ""
        elif fence := re.fullmatch(r"(\s*)(`{3,})(\w*).*", line):
            code = []
            for _, inner in lines:
                if inner.strip() == fence[2]:
                    break
                code.append(inner.removeprefix(fence[1]))
            else:
                raise AssertionError(f"the block at {page}:{number} never ends")
            where = f"{page.relative_to(ROOT) if page.is_relative_to(ROOT) else page}:{number}"
            blocks.append(Block(fence[3], "\n".join(code) + "\n", where, number, comments))
            comments = {}
        elif line.strip():
            comments = {}
    return blocks


def normalised(output: str) -> str:
    """An output without what differs each time."""
    for pattern, shape in (
        (r"\b[0-9a-f]{32}\b", "<id>"),
        (r"\b1[67]\d{18}\b", "<serial number>"),
        (r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\b", "<time>"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
        (r"\b\d+ ms\b", "<duration>"),
        (r"\b\d+\.\d+ ?s\b", "<duration>"),
    ):
        output = re.sub(pattern, shape, output)
    return "\n".join(line.rstrip() for line in output.strip().split("\n"))


class Player:
    """Plays one page in the working directory."""

    def __init__(self) -> None:
        self.printed: str | None = None
        self.results: str | None = None
        self.names: dict[str, Any] = {}
        self.background: list[subprocess.Popen[str]] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = str(free.getsockname()[1])

    def play(self, block: Block) -> None:
        """Do what the block is for. Raises whatever is wrong with it."""
        unknown = set(block.comments) - set(COMMENTS)
        assert not unknown, f"no such comment: {unknown}"
        assert block.language, "a block says what language it is in"
        if "skip" in block.comments:
            assert block.comments["skip"], "a block is skipped for a reason"
            return
        if test := block.comments.get("run by"):
            must_exist(test)
            return
        code = block.code.replace(PORT, self.port)
        if name := block.comments.get("file"):
            write(Path(name), code)
        elif name := block.comments.get("adds to"):
            write(Path(name), code := Path(name).read_text("utf-8") + "\n" + code)
        if "output" in block.comments:
            self.compare(code, block.comments["output"])
        elif block.language == "python":
            self.python(code, block)
        elif block.language == "toml":
            load_toml(code)
        elif block.language in SHELLS:
            self.shell(code, block)
        else:
            assert block.language in OTHERS, f"nobody knows how to run {block.language}"

    def compare(self, code: str, part: str) -> None:
        """The output block: it is what the block before has printed."""
        assert part in ("", "without the log"), f"no such part of an output: {part}"
        printed = self.results if part else self.printed
        assert printed is not None, "there is no block before that prints"
        assert normalised(printed) == normalised(code)

    def python(self, code: str, block: Block) -> None:
        """Run a block, its lines counted as in the page; or leave a test to pytest."""
        name = block.comments.get("file", "")
        if name.rpartition("/")[2].startswith(("test_", "conftest")):
            return
        if "continues" not in block.comments:
            self.names = {"__name__": "__main__"}
        program = compile(
            "\n" * block.line + code, block.where, "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            ended = eval(program, self.names)  # noqa: S307 - our own pages
            if inspect.iscoroutine(ended):
                asyncio.run(ended)
        self.printed, self.results = printed.getvalue(), None

    def shell(self, code: str, block: Block) -> None:
        """Run each command; what they print is taken together."""
        self.printed = self.results = ""
        lines = [line.removeprefix("$ ") for line in code.replace("\\\n", " ").strip().split("\n")]
        for line in lines:
            words = shlex.split(line, comments=True)
            if not words:
                continue
            if words[0] == "export":
                os.environ.update(
                    {name: value for name, _, value in (word.partition("=") for word in words[1:])}
                )
                continue
            assert words[0] in ("notifyhub", "pytest"), f"what to do with {words[0]}?"
            if "in the background" in block.comments:
                self.start([sys.executable, "-m", *words])
                continue
            ended = notifyhub(words[1:]) if words[0] == "notifyhub" else run_pytest(words[1:])
            self.printed += ended.output
            self.results += ended.results
            assert ended.status == int(block.comments.get("exit", "0")), ended.output

    def start(self, command: list[str]) -> None:
        """Start what goes on by itself, and wait for its first line."""
        started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.background.append(started)
        assert started.stdout is not None
        self.printed = started.stdout.readline()
        assert self.printed, f"{command} ended at once"

    def end(self) -> None:
        """End what was started."""
        for process in self.background:
            process.kill()
            process.communicate()


def write(file: Path, code: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(code, encoding="utf-8")


class Ended(NamedTuple):
    """How a command ended. output: all it printed. results: what of it went to standard output."""

    status: int
    output: str
    results: str


def notifyhub(arguments: list[str]) -> Ended:
    """Run the command line in this process, which saves a second each time."""
    with logging_put_back():
        ended = CliRunner().invoke(app, arguments, prog_name="notifyhub")
    return Ended(ended.exit_code, ended.output, ended.stdout)


@contextlib.contextmanager
def logging_put_back() -> Iterator[None]:
    """A program configures logging for its process; the page's code runs in this one, too."""
    root, theirs = logging.getLogger(), structlog.get_config()
    level, handlers, filters = root.level, list(root.handlers), list(root.filters)
    yield
    root.setLevel(level)
    root.handlers[:], root.filters[:] = handlers, filters
    structlog.configure(**theirs)


def run_pytest(arguments: list[str]) -> Ended:
    """Run the tests of a page, without plugins that happen to be installed here."""
    command = [sys.executable, "-m", "pytest", *arguments, "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        timeout=60, check=False,
    )  # fmt: skip
    return Ended(ended.returncode, ended.stdout, ended.stdout)


def must_exist(test: str) -> None:
    """A test named on a page is there."""
    file, _, name = test.partition("::")
    assert (ROOT / file).is_file(), f"there is no {file}"
    assert re.search(rf"^ *(async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), (
        f"no test {test}"
    )


def load_toml(code: str) -> None:
    """The tables are what they seem to be: a project's, a notice's, or settings."""
    tables = tomllib.loads(code)
    if {"project", "build-system"} & set(tables):
        return
    if {"summary", "variables", "bindings"} & set(tables):
        Manifest.read("page/notice", code)
        return
    for name in re.findall(r'"env:(\w+)"', code):
        os.environ.setdefault(name, new_key() if name == "NOTIFYHUB_KEY" else "something")
    for name in re.findall(r'"file:([^"]+)"', code):
        write(Path(name), "something")
    tables = tables.get("tool", {}).get("notifyhub", tables)
    settings = settings_from(tables, Path("notifyhub.toml"))
    for folder in settings.templates:
        Path(folder).mkdir(exist_ok=True)
    if {str(table["type"]) for table in settings.providers.values()} <= set(Plugins().provider_types()):
        asyncio.run(start(settings))


async def start(settings: Any) -> None:
    async with Hub(settings) as hub:
        assert hub.catalog.names()


@pytest.fixture
def player(monkeypatch: pytest.MonkeyPatch) -> Iterator[Player]:
    """A player whose traces are gone afterwards: environment, modules, processes, logging."""
    environment, modules = dict(os.environ), set(sys.modules)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    player = Player()
    with logging_put_back():
        yield player
    player.end()
    os.environ.clear()
    os.environ.update(environment)
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(Path.cwd())):
            del sys.modules[name]


def play(page: Path, player: Player) -> None:
    """Play a page; what is wrong with a block says where it stands."""
    for block in blocks_of(page):
        try:
            player.play(block)
        except Exception as error:
            error.add_note(f"in the block at {block.where}")
            raise


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(page: Path, player: Player) -> None:
    """Every block of the page does what the page says, in order."""
    play(page, player)


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("```python\nassert 1 == 2, 'no'\n```", "no"),
        ("```python\nprint(1)\n```\n\n<!-- output -->\n```text\n2\n```", "'1' == '2'"),
        ('```toml\n[providers.x]\ntyp = "ihuyi"\n```', "type"),
        ('```toml\nsummary = "A notice without a category"\n```', "category"),
        ("```sh\nnotifyhub send --nothing\n```", "--nothing"),
        ("```sh\nrm everything\n```", "what to do with rm"),
        ("```\nno language\n```", "language"),
        ("<!-- skip -->\n```sh\nnotifyhub demo\n```", "for a reason"),
        ("<!-- skipp: a typing error -->\n```sh\nnotifyhub demo\n```", "skipp"),
        ("<!-- run by: tests/docs/test_pushes.py::test_nothing -->\n```python\n1\n```", "no test"),
        ("```python\nprint(1)\n", "never ends"),
    ],
)
def test_what_is_wrong_with_a_page_is_found(page: str, told: str, player: Player) -> None:
    """A block that fails, says something else, or is left out without a reason, fails the page."""
    file = Path("page.md")
    file.write_text(page + "\n", encoding="utf-8")
    with pytest.raises((AssertionError, NotifyhubError), match=re.escape(told)):
        play(file, player)
