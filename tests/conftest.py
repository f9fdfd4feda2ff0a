"""What every test may use, and what none may leave behind."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Generator, Iterator

import pytest
import structlog

LONG = ("architecture/test_imports", "test_crash", "docs/", "cli/", "ledger/", "campaigns/")
"""Files that take long come first: what comes last is waited for by one process alone."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests stay until the end: the garbage collector need not go through them each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first; everything else stays in its order."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    name = item.nodeid.removeprefix("tests/")
    return next((place for place, long in enumerate(LONG) if name.startswith(long)), len(LONG))


@pytest.fixture(scope="session", autouse=True)
def _processes_share_what_they_compile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where Python may write no bytecode, the processes that tests start would all compile the same anew.

    A folder of this run's, which both workers have in common, takes it: nothing is written beside a source.
    """
    with pytest.MonkeyPatch.context() as environment:
        if sys.dont_write_bytecode:
            mine = tmp_path_factory.getbasetemp()
            folder = (mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine) / "bytecode"
            environment.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
            environment.setenv("PYTHONPYCACHEPREFIX", str(folder))
        yield


@pytest.fixture(autouse=True)
def _a_clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No settings of the machine reach a test: it starts in an empty folder, without our variables."""
    for name in list(os.environ):
        if name.startswith("NOTIFYHUB"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))


@pytest.fixture(autouse=True)
def _logging_is_put_back() -> Iterator[None]:
    """A program configures logging for its process; the other tests live in this one."""
    root = logging.getLogger()
    places: list[logging.Filterer] = [root, *root.handlers]
    if logging.lastResort is not None:
        places.append(logging.lastResort)
    handlers, filters = list(root.handlers), [list(place.filters) for place in places]
    loggers = [root, *(logging.getLogger(name) for name in ("aiohttp", "asyncio", "httpcore", "httpx"))]
    levels, theirs = [one.level for one in loggers], structlog.get_config()
    yield
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)
    root.handlers[:] = handlers
    for place, before in zip(places, filters, strict=True):
        place.filters[:] = before
    structlog.configure(**theirs)
