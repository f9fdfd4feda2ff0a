"""`notifyhub ledger`: what is kept, as people and scripts see it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from notifyhub.dispatch import DispatchContext, DispatcherType, EmbeddedDispatcher
from notifyhub.ledger.postgres import PostgresStore
from notifyhub.ledger.sealing import Sealer
from notifyhub.plugins import Plugins
from notifyhub_ihuyi.simulator import Simulator
from tests.servers.postgres import MISSING, available, postgres

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Shell

NUMBER, OTHER, SILENT = "13800138000", "13900139000", "13700000004"
PAID = ("order/paid", "--var", "order_no=20261122001", "--var", "amount=128.00", "--to")
FOUND_KEYS = [
    "id", "key", "status", "category", "provider", "provider_message_id", "attempts",
    "to", "notice", "created_at", "due", "reason",
]  # fmt: skip
ATTEMPT_KEYS = ["provider", "outcome", "reason", "code", "provider_message_id", "elapsed_ms"]


def send(run: Run, kept: Path, number: str, *more: str, command: str = "send") -> Mapping[str, Any]:
    """One delivery in the ledger, as the command told it."""
    told: Mapping[str, Any] = json.loads(
        run(command, *PAID, number, *more, "--config", kept, "--json").stdout
    )
    return told


def find(run: Run, kept: Path, *asked: str) -> list[dict[str, Any]]:
    """What `find --json` tells."""
    done = run("ledger", "find", *asked, "--config", kept, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_find_is_one_object_a_line(run: Run, kept: Path) -> None:
    """--json: an object a line with exactly these keys, the newest first, addresses masked."""
    sent = send(run, kept, NUMBER)
    queued = send(run, kept, OTHER, "--key", "o-1", command="enqueue")
    second, first = find(run, kept)
    assert [list(first), list(second)] == [FOUND_KEYS, FOUND_KEYS]
    assert (first["id"], first["status"], first["attempts"]) == (sent["id"], "accepted", 1)
    assert (first["provider"], first["provider_message_id"]) == ("sms", sent["provider_message_id"])
    assert (first["to"], first["notice"], first["category"]) == ("138****8000", "order/paid", "order")
    assert (second["id"], second["status"], second["attempts"]) == (queued["id"], "queued", 0)
    assert second["key"] == "o-1"


def test_find_by_each_condition(run: Run, kept: Path) -> None:
    """By address in any writing, status, category, age and number; together they all hold."""
    accepted, uncertain = send(run, kept, NUMBER)["id"], send(run, kept, SILENT)["id"]
    code = json.loads(
        run("send", "login/code", "--var", "code=1234", "--to", NUMBER, "--config", kept, "--json").stdout
    )["id"]
    assert [each["id"] for each in find(run, kept, "--to", "+86 138 0013 8000")] == [code, accepted]
    assert [each["id"] for each in find(run, kept, "--status", "unknown")] == [uncertain]
    assert [each["id"] for each in find(run, kept, "--category", "otp")] == [code]
    assert [each["id"] for each in find(run, kept, "--since", "1h", "--limit", "2")] == [code, uncertain]
    assert find(run, kept, "--since", "2100-01-01") == []
    assert find(run, kept, "--to", NUMBER, "--status", "unknown") == []


def test_find_draws_a_table(run: Run, kept: Path) -> None:
    """For people: a line each under its heads, with masked addresses."""
    delivery_id = send(run, kept, SILENT)["id"]
    done = run("ledger", "find", "--config", kept)
    head, row = done.stdout.splitlines()
    assert head.split() == [
        "ID", "CREATED", "STATUS", "CATEGORY", "WHAT", "TO", "PROVIDER", "ATTEMPTS", "REASON",
    ]  # fmt: skip
    assert row.startswith(delivery_id)
    assert row.split()[-6:] == ["order", "order/paid", "137****0004", "sms", "1", "interrupted"]
    assert SILENT not in done.output


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--status", "unknwon"), "status: unknown status; did you mean `unknown`?"),
        (("--category", "spam"), "category: unknown category; known: "),
        (("--since", "yesterday"), "since: is no time; write it as 2026-11-22"),
        (("--to", "138"), "to: no such phone number can exist"),
        (("--limit", "0"), "Invalid value for '--limit'"),
    ],
)
def test_what_cannot_be_found_is_one_line(run: Run, kept: Path, asked: tuple[str, ...], told: str) -> None:
    """A wrong condition is told, and never taken for something of which there is nothing."""
    done = run("ledger", "find", *asked, "--config", kept)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"notifyhub: {told}")


def test_show(run: Run, kept: Path) -> None:
    """Facts in lines and attempts in a table; as JSON everything that is not personal."""
    sent = send(run, kept, NUMBER, "--key", "o-7")
    done = run("ledger", "show", sent["id"], "--config", kept)
    assert done.exit_code == 0
    facts = dict(line.split(None, 1) for line in done.stdout.split("\n\n")[0].splitlines())
    assert (facts["id"], facts["status"], facts["to"]) == (sent["id"], "accepted", "138****8000")
    assert (facts["key"], facts["what"]) == ("o-7", "order/paid (order) by sms")
    assert "\nAttempts:\n" in done.stdout
    assert sent["provider_message_id"] in done.stdout
    assert NUMBER not in done.output
    assert "128.00" not in done.output
    told = json.loads(run("ledger", "show", sent["id"], "--config", kept, "--json").stdout)
    (attempt,) = told["attempts"]
    assert list(attempt)[: len(ATTEMPT_KEYS)] == ATTEMPT_KEYS
    assert {key: attempt[key] for key in ATTEMPT_KEYS} == sent["attempts"][0]
    assert (told["status"], told["key"], told["to"]) == ("accepted", "o-7", "138****8000")
    assert NUMBER not in json.dumps(told)
    assert "128.00" not in json.dumps(told)


def test_explain(run: Run, kept: Path) -> None:
    """Every decision in order, as `send --explain` told them when they were made."""
    done = run("send", *PAID, SILENT, "--config", kept)
    delivery_id = json.loads(run("ledger", "find", "--config", kept, "--json").stdout)["id"]
    told = run("ledger", "explain", delivery_id, "--config", kept)
    assert (done.exit_code, told.exit_code) == (4, 0)
    assert told.stdout in done.stderr
    assert "attempt 1" in told.stdout


@pytest.mark.parametrize("command", ["show", "explain"])
def test_an_unknown_id_is_one_line(run: Run, kept: Path, command: str) -> None:
    """An id that is none: status 2, one line, and it is not repeated, for it may be a number."""
    done = run("ledger", command, NUMBER, "--config", kept)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "notifyhub: id: no such delivery; `notifyhub ledger find` lists them\n"


def test_it_needs_no_provider(run: Run, kept: Path) -> None:
    """The ledger can be looked at where the accounts' secrets are not."""
    delivery_id = send(run, kept, NUMBER)["id"]
    text = kept.read_text(encoding="utf-8")
    kept.write_text(text[: text.index("api_key")] + 'api_key = "env:NONE"\n' + text[text.index("[ledger]") :])
    assert run("ledger", "show", delivery_id, "--config", kept).exit_code == 0
    assert [each["id"] for each in find(run, kept)] == [delivery_id]
    assert run("ledger", "status", "--config", kept).exit_code == 0
    assert run("ledger", "purge", "--config", kept).exit_code == 0


@pytest.mark.parametrize(
    "command",
    [("find",), ("show", "x"), ("explain", "x"), ("status",), ("migrate",), ("purge",)],
)
def test_a_ledger_in_memory_has_nothing_to_show(run: Run, config: Path, command: tuple[str, ...]) -> None:
    """Each command says that it would look into nothing, and how to have a ledger that lasts."""
    done = run("ledger", *command, "--config", config)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("notifyhub: ledger.url: the ledger is in memory and ends with this command")


def test_status_of_a_new_file_makes_none(run: Run, kept: Path) -> None:
    """Before its first use a SQLite ledger is usable, and looking does not make it."""
    done = run("ledger", "status", "--config", kept, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["usable"], told["version"]["current"]) == (0, True, 0)
    assert not (kept.parent / "notifyhub.db").exists()
    assert "made when it is first used" in run("ledger", "status", "--config", kept).stdout


def test_status(run: Run, kept: Path) -> None:
    """Backend, place, versions, sealing, and what waits."""
    send(run, kept, NUMBER, command="enqueue")
    send(run, kept, OTHER, "--send-at", "+1h", command="enqueue")
    done = run("ledger", "status", "--config", kept, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, done.stderr) == (0, "")
    assert (told["backend"], told["where"]) == ("sqlite", str(kept.parent / "notifyhub.db"))
    assert told["version"]["current"] == told["version"]["latest"] > 0
    assert (told["pending"], told["sealed"], told["engine"]) == ([], False, "embedded")
    backlog = told["backlog"]
    assert (backlog["ready"], backlog["later"], backlog["sending"]) == (1, 1, 0)
    assert backlog["next_due"] is not None
    words = run("ledger", "status", "--config", kept).stdout
    assert "1 ready, 1 later, the next at " in words
    assert "in clear" in words


def test_tables_in_an_applications_database(run: Run, kept: Path) -> None:
    """Where other tables lie, ours are made by `migrate` only, which `status` and every start name."""
    with sqlite3.connect(kept.parent / "notifyhub.db") as database:
        database.execute("CREATE TABLE orders (id INTEGER)")
    database.close()
    status = run("ledger", "status", "--config", kept, "--json")
    assert (status.exit_code, json.loads(status.stdout)["usable"]) == (2, False)
    assert json.loads(status.stdout)["backlog"] is None
    for command in (
        ("ledger", "status"),
        ("ledger", "find"),
        ("enqueue", *PAID, NUMBER),
        ("worker", "--drain"),
    ):
        done = run(*command, "--config", kept)
        assert done.exit_code == 2
        assert "run `notifyhub ledger migrate`" in done.stderr
    done = run("ledger", "migrate", "--config", kept)
    assert (done.exit_code, done.stdout.startswith("migrated: 0001_")) == (0, True)
    again = run("ledger", "migrate", "--config", kept, "--json")
    assert (again.exit_code, json.loads(again.stdout)["migrated"]) == (0, [])
    assert send(run, kept, NUMBER, command="enqueue")["status"] == "queued"
    assert run("ledger", "status", "--config", kept).exit_code == 0


def test_newer_tables_are_refused(run: Run, kept: Path) -> None:
    """Tables of a newer version are left alone, by `migrate` too."""
    send(run, kept, NUMBER)
    with sqlite3.connect(kept.parent / "notifyhub.db") as database:
        database.execute("UPDATE notifyhub_meta SET value = '999' WHERE name = 'schema'")
    database.close()
    for command in ("status", "migrate", "find"):
        done = run("ledger", command, "--config", kept)
        assert done.exit_code == 2
        assert "upgrade notifyhub" in done.stderr


def test_migrate_makes_a_new_file(run: Run, kept: Path) -> None:
    """Where there is no file, it is made with its tables, readable by its owner only."""
    done = run("ledger", "migrate", "--config", kept)
    assert (done.exit_code, "up to date" in done.stdout) == (0, True)
    assert (kept.parent / "notifyhub.db").stat().st_mode & 0o077 == 0
    assert json.loads(run("ledger", "status", "--config", kept, "--json").stdout)["version"]["current"] > 0


def test_migrate_makes_the_engines_tables_too(run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine with tables of its own is given its turn, after the ledger and with the ledger's place."""
    asked: list[DispatchContext] = []

    async def make(context: DispatchContext) -> None:
        assert (context.folder / "notifyhub.db").exists()
        asked.append(context)

    kind = DispatcherType(name="own", build=lambda context: EmbeddedDispatcher(), migrate=make)
    monkeypatch.setattr(Plugins, "dispatcher_types", lambda self: {"own": kind})
    with kept.open("a", encoding="utf-8") as file:
        file.write('[dispatch]\nengine = "own"\n')
    done = run("ledger", "migrate", "--config", kept, "--json")
    assert (done.exit_code, json.loads(done.stdout)["engine"]) == (0, "own")
    assert [context.ledger_url for context in asked] == ["sqlite:///notifyhub.db"]


def test_a_password_is_never_shown(run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger on a server that cannot be reached: its password is in no output."""
    # It is tried again until its patience is at an end; a quarter of a second of it is a few times, too.
    monkeypatch.setitem(PostgresStore.__init__.__kwdefaults__, "patience", 0.25)
    text = kept.read_text(encoding="utf-8")
    url = "postgresql://app:s3cretword@127.0.0.1/db?port=x"
    kept.write_text(text.replace("sqlite:///notifyhub.db", url), encoding="utf-8")
    done = run("ledger", "status", "--config", kept)
    assert done.exit_code != 0
    assert "s3cretword" not in done.output


def test_purge(run: Run, kept: Path) -> None:
    """What is older than the settings say is erased, and how much that was is told."""
    send(run, kept, NUMBER)
    with kept.open("a", encoding="utf-8") as file:
        file.write("[ledger.retention]\nbody = 0\naddress = 0\n")
    done = run("ledger", "purge", "--config", kept, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["bodies"], told["addresses"], told["deliveries"]) == (0, 1, 1, 0)
    assert run("ledger", "purge", "--config", kept).stdout.startswith("erased 0 bodies, 0 addresses, 0 deliv")
    (found,) = find(run, kept)
    assert found["to"] is None
    assert "(erased)" in run("ledger", "show", found["id"], "--config", kept).stdout


def test_key_is_one_that_seals(run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `key` prints is taken by the settings, and then nothing personal is in the file."""
    done = run("ledger", "key", "--name", "k2026")
    assert (done.exit_code, done.stderr) == (0, "")
    assert Sealer.from_keys([done.stdout.strip()]).names == ("k2026",)
    assert run("ledger", "key").stdout != run("ledger", "key").stdout
    assert run("ledger", "key", "--name", "no name").exit_code == 2
    monkeypatch.setenv("OWN_KEY", done.stdout.strip())
    text = kept.read_text(encoding="utf-8")
    kept.write_text(text.replace("[ledger]\n", '[ledger]\nkeys = ["env:OWN_KEY"]\n'), encoding="utf-8")
    send(run, kept, NUMBER, command="enqueue")
    assert json.loads(run("ledger", "status", "--config", kept, "--json").stdout)["sealed"] is True
    assert [each["to"] for each in find(run, kept, "--to", NUMBER)] == ["138****8000"]
    assert NUMBER.encode() not in (kept.parent / "notifyhub.db").read_bytes()


def test_find_in_a_pipe(shell: Shell, kept: Path, run: Run, gateway: Simulator) -> None:
    """As a process of its own: standard output is the objects, standard error is empty."""
    send(run, kept, NUMBER)
    done = shell("ledger", "find", "--config", kept, "--json")
    assert (done.returncode, done.stderr, len(gateway.submissions)) == (0, "", 1)
    assert list(json.loads(done.stdout)) == FOUND_KEYS


@pytest.mark.skipif(not available(), reason=MISSING)
def test_the_same_on_postgresql(
    run: Run, kept: Path, gateway: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new database is refused until `migrate` has made the tables; then all is as on SQLite."""
    with postgres() as server:
        monkeypatch.setenv("OWN_URL", server.create("app"))
        text = kept.read_text(encoding="utf-8")
        kept.write_text(text.replace("sqlite:///notifyhub.db", "env:OWN_URL"), encoding="utf-8")
        before = run("ledger", "status", "--config", kept)
        assert (before.exit_code, "version 0 of " in before.stdout) == (2, True)
        assert "run `notifyhub ledger migrate`" in before.stderr
        assert "run `notifyhub ledger migrate`" in run("worker", "--drain", "--config", kept).stderr
        assert run("ledger", "migrate", "--config", kept).stdout.startswith("migrated: 0001_")
        assert json.loads(run("ledger", "migrate", "--config", kept, "--json").stdout)["migrated"] == []
        told = json.loads(run("ledger", "status", "--config", kept, "--json").stdout)
        assert (told["backend"], told["usable"], told["where"].endswith("/app")) == ("postgresql", True, True)
        queued = send(run, kept, NUMBER, "--key", "o-1", command="enqueue")
        assert run("worker", "--drain", "--config", kept).stdout == "carried 1: 1 accepted\n"
        (found,) = find(run, kept, "--to", NUMBER)
        assert (found["id"], found["status"], found["attempts"]) == (queued["id"], "accepted", 1)
        assert len(gateway.submissions) == 1
