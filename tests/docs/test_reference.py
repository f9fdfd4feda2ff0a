"""The reference pages say what the code says."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import notifyhub
from notifyhub import Category, OutcomeKind, Plugins, Status
from notifyhub.category import DELIVERY_POLICIES, DeliveryPolicy, OnUnknown
from notifyhub.reason import REASONS
from notifyhub.settings import Settings


def _load_helper() -> ModuleType:
    """`reference.py` beside this file; by its path, since folders of tests are no packages."""
    spec = importlib.util.spec_from_file_location(
        "notifyhub_reference", Path(__file__).with_name("reference.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = _load_helper()
ROOT, DOCS = reference.ROOT, reference.DOCS
PAGES = reference.pages()


def _page(name: str) -> str:
    text: str = (DOCS / name).read_text(encoding="utf-8")
    return text


def _column(text: str, name: str) -> list[str]:
    return [row[name].strip("`") for row in reference.read_table(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_generated_parts_are_up_to_date(page: Path) -> None:
    """What a page has generated (settings, codes, commands, names, …) is what the code says."""
    text = page.read_text(encoding="utf-8")
    for (what, now), (_, wanted) in zip(
        reference.regions(text), reference.regions(reference.anew(text)), strict=True
    ):
        assert now == wanted, f"{page.name}, `{what}`: run `{reference.COMMAND}`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_key_and_room_has_its_meaning(page: Path) -> None:
    """In the tables whose last column is written by hand, nothing is left blank."""
    for what, now in reference.regions(page.read_text(encoding="utf-8")):
        if what.split()[0] in ("settings", "rooms"):
            blank = [row for row in reference.read_table(now) if not list(row.values())[-1]]
            assert not blank, f"{page.name}, `{what}`"


def test_every_table_of_the_settings_is_documented() -> None:
    """Each table a settings file can have stands on the page, with the model that reads it."""
    page = _page("reference/settings.md")
    listed = {what.split()[1] for what, _ in reference.regions(page)}
    models = {f"{model.__module__}:{model.__name__}" for model in _models(Settings)}
    assert models == listed
    for name in ("NOTIFYHUB_CONFIG", "NOTIFYHUB__A__B", "env:NAME", "file:PATH"):
        assert name in page
    assert set(
        _column(reference.sections(page)["[categories.NAME]"].partition("on_unknown` | means")[0], "key")
    )
    ways = re.findall(r'^\| `"(\w+)"` \|', page, flags=re.MULTILINE)
    assert set(ways) >= set(OnUnknown)


@pytest.mark.parametrize(("kind", "page"), [("ihuyi", "ihuyi"), ("console", "console")])
def test_each_provider_documents_its_settings(kind: str, page: str) -> None:
    """A provider's page has a table for every model of its settings."""
    model = Plugins().provider_types()[kind].settings
    listed = {
        what.split()[1] for what, _ in reference.regions(_page(f"providers/{page}.md")) if "settings" in what
    }
    assert listed == {f"{each.__module__}:{each.__name__}" for each in _models(model)}


def _models(model: type) -> set[type]:
    """A settings model and those inside of it."""
    from pydantic import BaseModel

    found = {model}
    for field in model.model_fields.values():  # type: ignore[attr-defined]
        waiting = [field.annotation]
        while waiting:
            each = waiting.pop()
            waiting += getattr(each, "__args__", ())
            if isinstance(each, type) and issubclass(each, BaseModel) and each not in found:
                found |= _models(each)
    return found


def test_the_environment_overrides_as_documented(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The examples of the section on the environment do what the page says."""
    from notifyhub.settings import load_settings, resolve_secrets

    (tmp_path / "notifyhub.toml").write_text('[providers.sms]\ntype = "ihuyi"\nkey = "file:key"\n')
    (tmp_path / "key").write_text("k3y\n")
    monkeypatch.setenv("NOTIFYHUB_CONFIG", str(tmp_path / "notifyhub.toml"))
    monkeypatch.setenv("NOTIFYHUB__PROVIDERS__SMS__ACCOUNT", "C1")
    monkeypatch.setenv("NOTIFYHUB__PLUGINS__BLOCK", '["templates"]')
    monkeypatch.setenv("NOTIFYHUB__BREAKER__THRESHOLD", "3")
    settings = load_settings()
    assert settings.providers["sms"]["account"] == "C1"
    assert settings.plugins.block == ("templates",)
    assert settings.breaker.threshold == 3
    assert resolve_secrets(settings.providers["sms"], "providers.sms", settings.folder)["key"] == "k3y"


def test_each_hook_is_a_heading() -> None:
    """The exact signature of every hook is a heading, and no heading is a hook that does not exist."""
    headings = [
        head for head in reference.sections(_page("reference/hooks.md")) if head.startswith("notifyhub_")
    ]
    assert sorted(headings) == sorted(reference.hook_signatures().values())


@pytest.mark.parametrize("name", sorted(reference.hook_signatures()))
def test_each_hook_has_an_example_that_registers(name: str) -> None:
    """The example below a hook's heading is a whole plugin that implements this hook and no other."""
    section = reference.sections(_page("reference/hooks.md"))[reference.hook_signatures()[name]]
    (code,) = re.findall(r"^```python\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    plugin = ModuleType("example")
    exec(code, vars(plugin))  # noqa: S102 - our own page
    plugins = Plugins(discover=False)
    plugins.register(plugin, "example")
    assert plugins.hooks_of("example") == (name,)


def test_every_reason_outcome_status_and_category_has_its_row() -> None:
    """The tables of the vocabulary hold each word once, and no other."""
    page = reference.sections(_page("reference/reasons.md"))
    assert _column(page["Outcomes"], "outcome") == list(OutcomeKind)
    assert _column(page["Reasons"], "reason") == list(REASONS)
    assert _column(page["Statuses"], "status") == list(Status)
    assert _column(page["Categories"], "category") == list(Category)


def test_the_reason_table_is_the_codes() -> None:
    """Each cell of the reason table, read back from the page, is the rule the code goes by."""
    for row in reference.read_table(reference.sections(_page("reference/reasons.md"))["Reasons"]):
        rule = next(rule for reason, rule in REASONS.items() if f"`{reason}`" == row["reason"])
        assert (row["scope"], row["breaker"], row["meaning"]) == (rule.scope, rule.breaker, rule.meaning)
        assert (row["failover"] == "yes", row["rounds"] == "yes") == (rule.failover, rule.rounds)
        assert int(row["retries"]) == rule.retries


def test_the_defaults_of_each_category_are_the_codes() -> None:
    """Each cell of the table of categories, read back from the page, is the default the code has."""
    import json

    rows = reference.read_table(reference.sections(_page("reference/reasons.md"))["Categories"])
    for row, (category, policy) in zip(rows, DELIVERY_POLICIES.items(), strict=True):
        cells = {key.strip("`"): cell.strip("`") for key, cell in row.items()}
        assert cells.pop("category") == category
        read = DeliveryPolicy.model_validate({key: json.loads(cell) for key, cell in cells.items()})
        assert read == policy


def test_unknown_page_tells_the_policies_that_are() -> None:
    """The figures of the explanation are the defaults of the categories."""
    page = reference.sections(_page("explanation/unknown.md"))
    rows = {
        row["category"].strip("`"): list(row.values())[1]
        for row in reference.read_table(page["What each category may do"])
    }
    assert list(rows) == list(Category)
    for category, policy in DELIVERY_POLICIES.items():
        said = rows[category]
        if policy.on_unknown is OnUnknown.HOLD:
            assert "held" in said
            continue
        assert f"{policy.max_submits} copies at most" in said
        spans = {30: "30 s", 600: "10 minutes", 3600: "an hour"}
        assert spans[int(policy.deadline)] in said
        word = {
            "failover": "another instance",
            "retry": "once more, then the others",
            "retry_same": "same instance again",
        }
        assert word[policy.on_unknown] in said


def test_every_command_is_documented() -> None:
    """Each command has its section, in the program's order, and no section is about another."""
    page = reference.sections(_page("reference/cli.md"))
    heads = [head.removeprefix("notifyhub ") for head in page if head.startswith("notifyhub ")]
    assert heads == list(reference.commands())


@pytest.mark.parametrize("name", ["", *reference.commands()])
def test_the_help_is_what_the_program_prints(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command's section has all of its options, and nothing that its `--help` does not say."""
    from notifyhub.cli.app import app

    # Wide, so that no word is cut.
    for variable, value in (("COLUMNS", "400"), ("TERM", "dumb"), ("NO_COLOR", "1")):
        monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as end:
        app([*name.split(), "--help"], prog_name="notifyhub")
    assert end.value.code == 0
    printed = _words_of(capsys.readouterr().out)
    section = reference.sections(_page("reference/cli.md"))[f"notifyhub {name}".strip()]
    (block,) = re.findall(r"^```text\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    _, _, rest = block.partition("\n")  # how usage is written differs between versions, too
    told = re.findall(r"^  (-.*?)(?:  |$)", rest, flags=re.MULTILINE)
    assert {word for words in told for word in re.findall(r"--[a-z-]+", words)} == reference.options(name)
    for sentence in [*reference.options(name), *_sentences(rest)]:
        assert _words_of(sentence) in printed, sentence


def _words_of(text: str) -> str:
    """Without frames, line ends and spaces, which versions of the printing libraries set differently."""
    return re.sub(r"[\s│╭╮╰╯─*]+", "", text)


def _sentences(block: str) -> list[str]:
    """The paragraphs of a help text, and what is said of each argument and option."""
    said: list[str] = []
    for line in block.splitlines():
        row = re.match(r"^  (\S.*?)(?:  +(\S.*))?$", line)
        more = re.match(r"^ {4,}(\S.*)$", line)
        if more and said:
            said[-1] += f" {more[1]}"
        elif row:
            said.append(row[2] or "")
        elif line.strip():
            said.append(line)
    return [re.sub(r" \[(required|default: .*)\]$", "", each) for each in said]


def test_the_json_object_is_the_documented_one() -> None:
    """`notifyhub send --json` prints exactly the keys of the page, in its order."""
    import json

    done = subprocess.run(
        [sys.executable, "-m", "notifyhub", "send", "--to", "13800138000", "--text", "x", "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    section = reference.sections(_page("reference/cli.md"))["The JSON object"]
    delivery, attempt = section.split("and of each attempt:")
    printed = json.loads(done.stdout)
    assert list(printed) == _column(delivery, "key")
    assert [list(each) for each in printed["attempts"]] == [_column(attempt, "key")]


def test_the_exit_statuses_are_the_programs() -> None:
    """The table of exit statuses holds each status the program has a name for."""
    from notifyhub.cli import program

    told = {
        int(row["status"])
        for row in reference.read_table(reference.sections(_page("reference/cli.md"))["Exit status"])
    }
    assert told == {value for value in vars(program).values() if type(value) is int}


def test_every_public_name_is_documented() -> None:
    """Each name of `from notifyhub import …` has its section, and no other has one."""
    listed = [name for what, _ in reference.regions(_page("reference/api.md")) for name in what.split()[1:]]
    assert sorted(name for name in listed if ":" not in name) == sorted(notifyhub.__all__)
    assert {name.rpartition(":")[2] for name in listed} <= set(reference.sections(_page("reference/api.md")))


def test_the_rooms_are_the_contracts() -> None:
    """The table of rooms has the layers of the import contract, and every contract is told of by its name."""
    page = _page("explanation/architecture.md")
    rows = reference.read_table(reference.sections(page)["Rooms and layers"])
    by_layer: dict[int, list[str]] = {}
    for row in rows:
        by_layer.setdefault(int(row["layer"]), []).append(row["room"].strip("`"))
    assert [by_layer[number] for number in sorted(by_layer, reverse=True)] == reference.layers()
    assert sorted(by_layer) == list(range(len(by_layer)))
    for contract in reference.contracts():
        assert contract["type"] == "layers" or contract["name"] in page


def test_the_stages_are_where_they_are_said_to_be() -> None:
    """Each room that the life of a notification passes through is there."""
    rows = [row for row in _column(_page("explanation/life.md"), "where") if row]
    rooms = {name for cell in rows for name in re.findall(r"[a-z_]+(?:\.py|/)", cell)}
    assert len(rooms) >= 10
    assert [name for name in sorted(rooms) if not (ROOT / "notifyhub" / name).exists()] == []


def test_ihuyis_code_table_is_whole() -> None:
    """Each code of the provider's table has one row on its page, with the reason the provider gives it."""
    from notifyhub_ihuyi.codes import CODES

    rows = reference.read_table(reference.sections(_page("providers/ihuyi.md"))["Codes"])
    told = {row["code"]: row["reason"].strip("`") for row in rows}
    assert told == {row.code: row.reason or "accepted" for row in CODES}
    assert len(rows) == len(CODES)


def test_the_simulators_numbers_are_whole() -> None:
    """Each number that makes the simulator misbehave stands on the page, and does what the page says."""
    from notifyhub_ihuyi.simulator import FAULTS
    from notifyhub_ihuyi.simulator.numbers import behaviour_for

    page = _page("providers/ihuyi.md")
    for fault in FAULTS.values():
        assert f"| {fault.number} | {fault.words} |" in page
        assert behaviour_for(fault.number) == fault.behaviour
    assert set(re.findall(r"^\| (1370000\d{4}) \|", page, flags=re.MULTILINE)) == {
        f.number for f in FAULTS.values()
    }
