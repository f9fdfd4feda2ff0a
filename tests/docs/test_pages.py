"""The pages are whole: links lead somewhere, promises name real tests, both READMEs say the same code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from notifyhub.category import DELIVERY_POLICIES, Category

ROOT = Path(__file__).parents[2]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
PAGES = [*READMES, *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    """A page without its code."""
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The fragments that lead to the page's headings, as code hosts make them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = 1
        while slug in found:
            slug = f"{slug.removesuffix(f'-{number - 1}')}-{number}"
            number += 1
        found.add(slug)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of the repository finds it, and its heading."""
    dead = []
    for target in re.findall(r"\]\(\s*([^)\s]+)\s*\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (fragment and fragment not in anchors(file)):
            dead.append(target)
    assert dead == []


def test_every_page_can_be_found() -> None:
    """From the map of the documentation every page is at most two clicks away."""
    start = ROOT / "docs" / "index.md"
    reached, edge = {start}, {start}
    for _ in range(2):
        edge = {
            (page.parent / target.partition("#")[0]).resolve()
            for page in edge
            for target in re.findall(r"\]\(\s*([^)\s]+\.md)", prose(page))
            if ":" not in target
        }
        edge = {page for page in edge if page.is_file()}
        reached |= edge
    assert set(PAGES) - reached == set()


@pytest.mark.parametrize("readme", READMES, ids=lambda page: page.name)
def test_each_promise_names_its_test(readme: Path) -> None:
    """A promise of the README is held by the tests it names, and they are there."""
    rows = re.findall(r"^\| (\d) \|(.*)\|(.*)\|$", readme.read_text(encoding="utf-8"), re.MULTILINE)
    assert [number for number, _, _ in rows] == ["1", "2", "3", "5", "6"]
    for _, _, tests in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)
        assert named
        for file, test in named:
            assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), test


def test_both_readmes_have_the_same_code() -> None:
    """Who reads Chinese is shown the same code, outputs and tests."""
    english, chinese = (readme.read_text(encoding="utf-8") for readme in READMES)
    assert [m[0] for m in _FENCE.finditer(english)] == [m[0] for m in _FENCE.finditer(chinese)]
    assert re.findall(r"`tests/.*?`", english) == re.findall(r"`tests/.*?`", chinese)
    assert len(re.findall(r"^## ", english, re.MULTILINE)) == len(re.findall(r"^## ", chinese, re.MULTILINE))


def test_readme_is_short() -> None:
    """It stays a page: 180 lines at most, a provider in fifteen, and the two commands one line each."""
    for readme in READMES:
        text = readme.read_text(encoding="utf-8")
        assert text.count("\n") <= 180
        (own,) = (m[0] for m in _FENCE.finditer(text) if "@provider(" in m[0])
        assert len([line for line in own.split("\n")[1:-1] if line]) <= 15
        for ending in (".venv/bin/notifyhub demo", ".venv/bin/pytest"):
            commands = [line for line in text.split("\n") if ending in line]
            assert len(commands) == 1
            assert commands[0].startswith("python3 -m venv .venv && ")
            assert commands[0].endswith(ending)


def test_the_categories_are_those_of_the_code() -> None:
    """What docs/how-to/failover.md says of copies is what the delivery policies allow."""
    told: dict[str, int] = {}
    page = (ROOT / "docs" / "how-to" / "failover.md").read_text(encoding="utf-8")
    for names, copies in re.findall(r"^\| (`.*`) \|.*\| (\d) \|$", page, re.MULTILINE):
        told |= dict.fromkeys(re.findall(r"`(\w+)`", names), int(copies))
    assert told == {category.value: DELIVERY_POLICIES[category].max_submits for category in Category}
