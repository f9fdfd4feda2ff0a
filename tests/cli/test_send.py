"""`notifyhub send`: its words, its JSON and its exit statuses are a contract with scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, Behaviour, Simulator

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Shell

NUMBER, CODE = "13800138000", "482913"
LOGIN = ("send", "login/code", "--to", NUMBER, "--var", f"code={CODE}")
PAID = ("send", "order/paid", "--var", "order_no=20261122001", "--var", "amount=128.00", "--to")
KEYS = ["id", "status", "channel", "provider", "provider_message_id", "reason", "attempts"]
ATTEMPT_KEYS = ["provider", "outcome", "reason", "code", "provider_message_id", "elapsed_ms"]


def test_without_settings_it_goes_to_the_console(shell: Shell) -> None:
    """Out of the box: the words on standard error, one line on standard output, both masked, status 0."""
    done = shell(*LOGIN)
    assert done.returncode == 0
    assert done.stdout.startswith(
        "accepted: login/code by sms to 138****8000 · through console · id console-"
    )
    assert done.stdout.count("\n") == 1
    assert "您的验证码是：******。" in done.stderr
    assert CODE not in done.stdout + done.stderr
    assert NUMBER not in done.stdout + done.stderr


def test_json_is_one_object_and_nothing_else(shell: Shell) -> None:
    """With --json standard output is one object with exactly these keys; logs go to standard error."""
    done = shell("-v", *LOGIN, "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert list(told) == KEYS
    assert told["status"] == "accepted"
    assert told["provider"] == "console"
    assert told["channel"] == "sms"
    assert [list(attempt) for attempt in told["attempts"]] == [ATTEMPT_KEYS]
    assert told["attempts"][0]["outcome"] == "accepted"
    assert "attempt_finished" in done.stderr


def test_json_stays_alone_when_the_console_prints_to_stdout(run: Run, tmp_path: Path) -> None:
    """A console told to print on standard output moves aside while --json owns it."""
    file = tmp_path / "own.toml"
    file.write_text('[providers.console]\ntype = "console"\nstream = "stdout"\n')
    assert "您的验证码" in run(*LOGIN, "--config", file).stdout
    done = run(*LOGIN, "--json", "--config", file)
    assert json.loads(done.stdout)["status"] == "accepted"
    assert "您的验证码" in done.stderr


def test_accepted_by_a_vendor(run: Run, config: Path, gateway: Simulator) -> None:
    """Through a real gateway the vendor's id is told, and the gateway has the words."""
    done = run(*LOGIN, "--config", config, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["status"], told["provider"]) == (0, "accepted", "sms")
    (submission,) = gateway.submissions
    assert told["provider_message_id"] == submission.smsid
    assert told["attempts"][0]["code"] == "2"
    assert CODE in submission.content
    assert CODE not in done.output


@pytest.mark.parametrize(
    ("number", "status", "reason", "exit_status"),
    [
        ("13900000406", "refused", "invalid_recipient", 3),
        ("13900004051", "refused", "balance", 3),
        ("13700000012", "unknown", "provider_error", 4),
        ("13700000004", "unknown", "interrupted", 4),
    ],
)
def test_what_the_gateway_says_is_the_exit_status(
    run: Run, config: Path, number: str, status: str, reason: str, exit_status: int
) -> None:
    """Refused is 3 and unknown is 4, with the reason in the object."""
    done = run(*PAID, number, "--config", config, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["status"], told["reason"]) == (exit_status, status, reason)
    assert number not in done.output


def test_nobody_listening_is_not_sent(run: Run, tmp_path: Path) -> None:
    """A refused connection proves that nothing left: status 3."""
    file = tmp_path / "own.toml"
    file.write_text(
        f'[providers.sms]\ntype = "ihuyi"\naccount = "{DEMO_ACCOUNT}"\napi_key = "{DEMO_API_KEY}"\n'
        'base_url = "http://127.0.0.1:9"\n[categories.order]\nretries = 0\n'
    )
    done = run(*PAID, NUMBER, "--config", file, "--json")
    assert (done.exit_code, json.loads(done.stdout)["status"]) == (3, "not_sent")


def test_suppressed_is_3(run: Run, tmp_path: Path) -> None:
    """A policy that holds a message back ends with 3, and says which."""
    file = tmp_path / "own.toml"
    file.write_text(f'[policies.suppression_list]\naddresses = ["{NUMBER}"]\n')
    done = run(*LOGIN, "--config", file, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["status"], told["attempts"]) == (3, "suppressed", [])


def test_what_is_not_accepted_is_explained(run: Run, config: Path, gateway: Simulator) -> None:
    """A person is told every decision when a message was not accepted, on standard error."""
    gateway.script("*", [Behaviour.code(4085)])
    done = run(*LOGIN, "--config", config)
    assert done.exit_code == 3
    assert done.stdout.startswith("refused: login/code by sms to 138****8000 · through sms")
    assert "recipient_rate: too many messages" in done.stdout
    assert "attempt 1" in done.stderr
    assert "code 4085" in done.stderr


def test_explain_on_request(run: Run) -> None:
    """--explain tells every decision of an accepted message too."""
    assert "attempt 1" in run(*LOGIN, "--explain").stdout
    done = run(*LOGIN, "--explain", "--json")
    assert json.loads(done.stdout)["status"] == "accepted"
    assert "attempt 1" in done.stderr


def test_dry_run_sends_nothing(run: Run, config: Path, gateway: Simulator) -> None:
    """A dry run checks, chooses the route, reaches nobody, and is status 0."""
    done = run(*LOGIN, "--config", config, "--dry-run", "--json")
    told = json.loads(done.stdout)
    assert list(told) == KEYS
    assert done.exit_code == 0
    assert {key: told[key] for key in KEYS[1:]} == {
        "status": "dry_run", "channel": "sms", "provider": "sms",
        "provider_message_id": None, "reason": None, "attempts": [],
    }  # fmt: skip
    assert gateway.requests == []
    words = run(*LOGIN, "--config", config, "--dry-run").stdout
    assert words.startswith("dry_run: login/code by sms to 138****8000 · would go through sms")


def test_dry_run_checks_as_a_send_would(run: Run) -> None:
    """What would raise in a send raises in a dry run."""
    done = run("send", "login/code", "--to", NUMBER, "--dry-run")
    assert done.exit_code == 2
    assert done.stderr.startswith("notifyhub: code: missing")


def test_finished_words_by_any_channel(run: Run) -> None:
    """--text needs no notice; channel, locale, category and key are taken."""
    done = run(
        "send", "--text", "hi there", "--to", "room-1", "--channel", "chat", "--category", "ops",
        "--locale", "en", "--key", "k1", "--json",
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (done.exit_code, told["channel"]) == (0, "chat")
    assert "hi there" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--to", "138", "--var", f"code={CODE}"), "to: no such phone number can exist (3 characters); give"),
        (("--to", NUMBER), "code: missing; the notice `login/code` needs it; give `code`"),
        (("--to", NUMBER, "--var", f"cod={CODE}"), "cod: the notice `login/code` has no such variable; did"),
        (("--to", NUMBER, "--var", CODE), "var: number 1 is not NAME=VALUE; write it as --var name=value"),
        (("--to", NUMBER, "--var", f"={CODE}"), "var: number 1 is not NAME=VALUE"),
        (("--to", NUMBER, "--var", "code=1", "--var", "code=2"), "var code: given twice; give it once"),
        (
            ("--to", NUMBER, "--category", "spam"),
            "category: unknown category; known: alert, marketing, ops, order, otp",
        ),
        (("--to", NUMBER, "--text", "hi"), "give either a notice or a text"),
        (
            ("--to", NUMBER, "--config", "nowhere.toml"),
            "config: no such file: nowhere.toml; `notifyhub init`",
        ),
        (("--to", NUMBER, "--channel", "voice", "--var", f"code={CODE}"), "channel: the notice `login/code`"),
        ((), "Missing option '--to'; see `notifyhub send --help`"),
        ((CODE, "--to", NUMBER), "Got unexpected extra argument(s) (****); see `notifyhub send --help`"),
        (("--too", NUMBER), "No such option: --too"),
    ],
)
def test_what_is_wrong_is_one_line(run: Run, arguments: tuple[str, ...], told: str) -> None:
    """Usage, request and settings: status 2, nothing on standard output, one line naming field and remedy."""
    for extra in ((), ("--json",)):
        done = run("send", "login/code", *arguments, *extra)
        assert done.exit_code == 2
        assert done.stdout == ""
        assert done.stderr.startswith(f"notifyhub: {told}")
        assert done.stderr.count("\n") == 1
        assert CODE not in done.stderr
        assert NUMBER not in done.stderr


def test_a_number_in_the_place_of_the_notice_is_not_repeated(run: Run) -> None:
    """An argument in the wrong place may be a phone number; the error masks it."""
    done = run("send", NUMBER, "--to", NUMBER)
    assert done.exit_code == 2
    assert "no notice `138****8000`" in done.stderr


def test_settings_with_a_secret_never_show_it(run: Run, tmp_path: Path) -> None:
    """A wrong key beside a secret is named, the secret is not."""
    file = tmp_path / "own.toml"
    file.write_text(f'[providers.sms]\ntype = "ihuyi"\naccount = "x"\napi_kye = "{DEMO_API_KEY}"\n')
    done = run(*LOGIN, "--config", file)
    assert done.exit_code == 2
    assert "providers.sms.api_kye: unknown key" in done.stderr
    assert "did you mean `api_key`?" in done.stderr
    assert DEMO_API_KEY not in done.output


def test_chinese_words_under_a_c_locale(shell: Shell) -> None:
    """A terminal that cannot show Chinese gets `?`, not an error."""
    done = shell(*LOGIN, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0, done.stderr
    assert "138****8000" in done.stdout
