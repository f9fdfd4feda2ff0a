"""`notifyhub suppress`: the suppression list from the command line, and as CSV."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from notifyhub.cli.app import app
from notifyhub.errors import LedgerUnavailable
from notifyhub.hub import Hub
from notifyhub.ledger import MemoryLedger, Suppression

if TYPE_CHECKING:
    from tests.cli.conftest import Run

NUMBER, WHOLE, MASKED = "13800138000", "+8613800138000", "138****8000"


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """Settings with a suppression list, and a ledger in a file beside them."""
    file = tmp_path / "notifyhub.toml"
    file.write_text(
        '[ledger]\nurl = "sqlite:///notifyhub.db"\n[policies.suppression_list]\n', encoding="utf-8"
    )
    return file


def entries(run: Run, config: Path, *arguments: str) -> list[dict[str, object]]:
    """What `suppress list --json` prints."""
    done = run("suppress", "list", "--config", config, "--json", *arguments)
    assert done.exit_code == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def put(config: Path, sheet: str | bytes, *arguments: str) -> tuple[int, str, str]:
    """`suppress import -` of these words: exit status, output and complaints."""
    words = sheet.encode() if isinstance(sheet, str) else sheet
    command = ["suppress", "import", "-", "--config", str(config), *arguments]
    done = CliRunner().invoke(app, command, input=words, prog_name="notifyhub")
    return done.exit_code, done.stdout, done.stderr


def test_add_list_lift(run: Run, listed: Path) -> None:
    """An entry is put on the list, seen there, taken off and still seen with --lifted; numbers are masked."""
    done = run(
        "suppress", "add", "+86 138-0013-8000", "--category", "marketing", "--reason", "asked by phone",
        "--config", listed,
    )  # fmt: skip
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{MASKED} gets no marketing · asked by phone · cli ")
    (entry,) = entries(run, listed)
    assert (entry["to"], entry["category"], entry["channel"], entry["until"]) == (
        MASKED,
        "marketing",
        None,
        None,
    )
    table = run("suppress", "list", "--config", listed)
    assert table.stdout.split("\n")[0].split() == [
        "ID", "SINCE", "TO", "CHANNEL", "CATEGORY", "INSTANCE", "REASON", "SOURCE", "UNTIL",
    ]  # fmt: skip
    assert NUMBER not in table.output + done.output
    done = run("suppress", "lift", str(entry["id"]), "--by", "alice", "--config", listed)
    assert (done.exit_code, " by alice: " in done.stdout) == (0, True)
    assert entries(run, listed) == []
    (lifted,) = entries(run, listed, "--lifted")
    assert lifted["lifted_by"] == "alice"
    assert "by alice" in run("suppress", "list", "--lifted", "--config", listed).stdout


def test_addresses_are_whole_only_when_asked_for(run: Run, listed: Path) -> None:
    """--reveal shows addresses whole, in the table and in the objects."""
    run("suppress", "add", NUMBER, "--config", listed)
    assert WHOLE in run("suppress", "list", "--reveal", "--config", listed).stdout
    assert entries(run, listed, "--reveal")[0]["to"] == WHOLE


def test_what_is_added_stops_messages(run: Run, listed: Path) -> None:
    """What an operator puts on the list is suppressed by every hub of the ledger; codes too, if so said."""
    done = run("suppress", "add", NUMBER, "--config", listed)
    assert "gets nothing, not even codes" in done.stdout
    sent = run("send", "login/code", "--to", NUMBER, "--var", "code=482913", "--config", listed, "--json")
    assert (sent.exit_code, json.loads(sent.stdout)["status"]) == (3, "suppressed")


def test_an_entry_for_a_while(run: Run, listed: Path) -> None:
    """--until takes a time with its zone, or a span from now."""
    done = run("suppress", "add", NUMBER, "--until", "+30d", "--config", listed, "--json")
    until = datetime.fromisoformat(json.loads(done.stdout)["until"])
    assert abs(until - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)


def test_one_address_or_all(run: Run, listed: Path) -> None:
    """The newest 100 by default, and a line that says so; --all shows all, --to those of one address."""
    sheet = "address\n" + "".join(f"138{n:08d}\n" for n in range(130))
    assert put(listed, sheet)[0] == 0
    done = run("suppress", "list", "--config", listed)
    assert done.stdout.count("\n") == 101
    assert done.stderr == "notifyhub: these are the newest 100; --all shows all of them\n"
    assert len(entries(run, listed, "--all")) == 130
    assert len(entries(run, listed, "--to", "138-0000-0007")) == 1
    assert run("suppress", "list", "--all", "--to", NUMBER, "--config", listed).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "12"], "to: no such phone number"),
        (["add", NUMBER, "--category", "markting"], "category: unknown category; did you mean `marketing`?"),
        (["add", NUMBER, "--until", "tomorrow"], "until: is no time"),
        (["add", NUMBER, "--until", "2020-01-01T00:00+08:00"], "until: is past"),
        (["add", NUMBER, "--reason", " "], "reason: is empty"),
        (["lift", "nothing"], "no such entry"),
        (["import", "no/such.csv"], "cannot be read: No such file"),
        (["import", "."], "cannot be read: Is a directory"),
        (["export", "no/such/folder.csv"], "cannot be written: No such file"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, listed: Path, arguments: list[str], said: str) -> None:
    """A wrong word ends with 2 and one line, which quotes no number; the list stays as it was."""
    done = run("suppress", *arguments, "--config", listed)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
    assert NUMBER not in done.stderr
    assert entries(run, listed) == []


def test_a_list_that_nobody_asks(run: Run, tmp_path: Path) -> None:
    """Without `[policies.suppression_list]` the entry is kept, and a line says that nobody looks at it."""
    file = tmp_path / "own.toml"
    file.write_text('[ledger]\nurl = "sqlite:///notifyhub.db"\n')
    done = run("suppress", "add", NUMBER, "--instance", "smss", "--config", file)
    assert done.exit_code == 0
    assert "policies.suppression_list: is not set, so nobody looks at this list" in done.stderr
    assert "instance: the settings have none called `smss`" in done.stderr


def test_a_ledger_in_memory_has_no_list(run: Run, tmp_path: Path) -> None:
    """Where the ledger ends with the command, the command says so instead of forgetting: status 2."""
    file = tmp_path / "own.toml"
    file.write_text("[policies.suppression_list]\n")
    done = run("suppress", "add", NUMBER, "--config", file)
    assert (done.exit_code, "ledger.url" in done.stderr) == (2, True)


# CSV

SHEET = (
    "address,channel,category,instance,reason,source,since,until\r\n"
    'a@b.co,email,,,"said ""no"", twice",support,2026-01-02T03:04:05.000006+00:00,\r\n'
    "tel:+8613800138000,,marketing,,opted out,reply,2026-02-02T00:00:00+00:00,\r\n"
    "tel:+14155552671,sms,otp,sms,'=1+1,vendor 4030,2026-03-02T00:00:00+00:00,2999-01-01T00:00:00+00:00\r\n"
)


def test_export_is_what_was_imported(run: Run, listed: Path, tmp_path: Path) -> None:
    """What one ledger exports and another imports is the same, to the byte; the file is its owner's only."""
    assert put(listed, SHEET) == (0, "imported 3 entries\n", "")
    file = tmp_path / "list.csv"
    done = run("suppress", "export", file, "--config", listed)
    assert (done.exit_code, done.stdout) == (0, f"wrote 3 entries to {file}\n")
    assert file.read_bytes().decode() == SHEET
    assert file.stat().st_mode & 0o777 == 0o600
    again = run("suppress", "export", file, "--config", listed)
    assert (again.exit_code, "is already there" in again.stderr) == (2, True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "notifyhub.toml").write_text(listed.read_text())
    assert run("suppress", "import", file, "--config", other / "notifyhub.toml").exit_code == 0
    done = run("suppress", "export", "-", "--config", other / "notifyhub.toml")
    assert (done.stdout_bytes.decode(), done.stderr) == (SHEET, "")


def test_importing_twice_is_harmless(run: Run, listed: Path) -> None:
    """What is on the list is not put there a second time."""
    for _ in range(2):
        assert put(listed, SHEET)[0] == 0
    assert len(entries(run, listed)) == 3


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_of_people(run: Run, listed: Path, mark: bytes, end: str) -> None:
    """With a byte order mark or without, columns in any order, only `address` needed, empty lines allowed."""
    lines = [
        "Category, address",
        "marketing,138 0013 8000",
        "",
        "Marketing,１３９００１３９０００",
        "ops,a@b.co",
        "",
    ]
    assert put(listed, mark + end.join(lines).encode(), "--json")[:2] == (0, '{"imported": 3, "wrong": 0}\n')
    assert {(e["to"], e["category"]) for e in entries(run, listed, "--reveal")} == {
        (WHOLE, "marketing"), ("+8613900139000", "marketing"), ("a@b.co", "ops"),
    }  # fmt: skip
    assert {(e["reason"], e["source"]) for e in entries(run, listed)} == {("imported", "import")}


WRONG = (
    "address,category,until\n"
    "13800138000,marketing,\n"
    "138001380001,marketing,\n"
    '"13900139000","marketing\n",2026-01-01\n'
    "13700137000,markting,\n"
    "13600136000,ops\n"
    "13500135000,,2999-01-01T00:00:00+08:00\n"
)


def test_wrong_lines_are_told_and_nothing_is_imported(run: Run, listed: Path) -> None:
    """Each wrong line is told with its number, its field and what to do; then none at all is imported."""
    status, out, told = put(listed, WRONG)
    assert (status, out) == (2, "")
    assert told.splitlines() == [
        "notifyhub: line 3: address: no such phone number can exist (12 characters); give it as "
        "+<country code><number>, or as a number of CN",
        "notifyhub: line 4: until: has no time zone; write it as 2026-11-22T20:00:00+08:00",
        "notifyhub: line 6: category: unknown category; did you mean `marketing`?",
        "notifyhub: line 7: has 2 cells, the first line 3; separate cells by commas, and put those with "
        "commas in quotes",
        "notifyhub: 4 of 6 lines are wrong, nothing was imported; mend them, or leave them out with "
        "--skip-bad",
    ]
    assert entries(run, listed) == []


def test_skip_bad(run: Run, listed: Path) -> None:
    """With --skip-bad the other lines are imported, and the wrong ones told all the same."""
    status, out, told = put(listed, WRONG, "--skip-bad")
    assert (status, out, told.count("\n")) == (0, "imported 2 entries, left out 4\n", 4)
    assert len(entries(run, listed)) == 2


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        (b"", "line 1: `address` is missing"),
        (b"category\nmarketing\n", "line 1: `address` is missing"),
        (b"address,address\n", "or a column is there twice"),
        (b"address,chanel\n13800138000,sms\n", "line 1: unknown column `chanel`; did you mean `channel`?"),
        (b"13800138000\n13900139000\n", "line 1: an unknown column; known: address, "),
        (b'address,reason\n13800138000,"never ends\n13900139000,x\n', "line 2: unexpected end of data"),
        (b'address,reason\n13800138000,"a"b\n', "line 2: "),
        ("address,reason\n13800138000,不\n".encode("gbk"), "is not UTF-8"),
        ("address\n13800138000\n".encode("utf-16"), "is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read(run: Run, listed: Path, sheet: bytes, said: str) -> None:
    """Wrong columns, quotes without end, another encoding: nothing is imported, with --skip-bad neither."""
    for arguments in ([], ["--skip-bad"]):
        status, out, told = put(listed, sheet, *arguments)
        assert (status, out, told.count("\n")) == (2, "", 1)
        assert said in told
        assert NUMBER not in told
    assert entries(run, listed) == []


def test_a_ledger_that_fails_midway(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ledger goes away, the status is 75, and the line says how far it came and what to do."""
    from notifyhub.ledger.sql.ledger import SqlLedger

    kept = SqlLedger.suppress
    calls = 0

    async def failing(self: SqlLedger, entry: Suppression) -> Suppression:
        nonlocal calls
        calls += 1
        if calls > 700:
            raise LedgerUnavailable("locked")
        return await kept(self, entry)

    monkeypatch.setattr(SqlLedger, "suppress", failing)
    status, out, told = put(listed, "address\n" + "".join(f"138{n:08d}\n" for n in range(900)))
    assert (status, out) == (75, "")
    assert told == (
        "notifyhub: locked; at least 500 of 900 entries are imported; "
        "import the same file again, which is harmless\n"
    )


def test_erased_people_are_not_in_the_export(run: Run, listed: Path) -> None:
    """An erased address cannot be exported; a line on standard error says how many that are."""
    assert put(listed, SHEET)[0] == 0

    async def erase() -> None:
        async with Hub.from_settings(listed) as hub:
            await hub.ledger.erase(address=WHOLE)

    asyncio.run(erase())
    done = run("suppress", "export", "-", "--config", listed)
    assert (done.exit_code, done.stdout.count("\n")) == (0, 3)
    assert done.stderr.startswith("notifyhub: 1 more hold, and are not in it: their addresses were erased")
    assert [e["to"] for e in entries(run, listed)].count(None) == 1


def test_through_pipes_of_other_locales(listed: Path) -> None:
    """By hand, in a shell that knows only ASCII: words in Chinese go through both pipes whole."""
    sheet = "address,reason\r\n13800138000,打电话来说不要了\r\n".encode()
    shell = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "notifyhub", "suppress"]
    done = subprocess.run(
        [*command, "import", "-", "--config", listed],
        input=sheet,
        capture_output=True,
        env=shell,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"imported 1 entry" + os.linesep.encode())
    done = subprocess.run(
        [*command, "export", "-", "--config", listed], capture_output=True, env=shell, check=True
    )
    assert "打电话来说不要了".encode() in done.stdout


def test_many_lines_in_bounded_memory(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the file, only so many entries are given to the ledger at a time."""
    from notifyhub.cli.suppress import importing

    at_once: list[int] = []
    ledger = MemoryLedger()

    async def keep(_: object, batch: list[Suppression]) -> None:
        at_once.append(len(batch))
        for entry in batch:
            await ledger.suppress(entry)

    monkeypatch.setattr(importing, "_keep", keep)
    assert put(listed, "address\n" + "".join(f"138{n:08d}\n" for n in range(2000)))[0] == 0
    assert at_once == [500] * 4
