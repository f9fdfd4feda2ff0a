"""The commands that only look: preview, templates, providers, plugins, codes, balance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notifyhub.providers import ProviderType
from notifyhub.reason import REASONS, Reason
from notifyhub_ihuyi import notifyhub_provider_types
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, Behaviour, Simulator

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Shell


def test_preview_uses_the_examples(run: Run) -> None:
    """Without variables a preview shows the examples, for each channel, the phone first."""
    done = run("preview", "order/shipped", "--locale", "zh")
    assert done.exit_code == 0
    assert done.stdout.index("sms · order/shipped · zh") < done.stdout.index("email · order/shipped · zh")
    assert "Subject: " in done.stdout
    assert "1 part" in done.stdout


def test_preview_takes_variables_locale_and_channel(run: Run) -> None:
    """What is given is shown as given."""
    done = run("preview", "login/code", "--channel", "sms", "--locale", "en", "--var", "code=7788")
    assert "7788" in done.stdout
    assert "sms · login/code · en" in done.stdout
    assert "email" not in done.stdout


def test_preview_shows_cost_and_signature(run: Run, config: Path) -> None:
    """Where an instance has a price and a signature, the phone's view and the cost include them."""
    done = run("preview", "login/code", "--channel", "sms", "--config", config)
    assert "【互亿无线】您的验证码是：" in done.stdout
    assert "1 part · costs 0.05 through sms" in done.stdout


def test_preview_counts_as_the_provider_does(run: Run, config: Path) -> None:
    """A table without a signature is counted with the provider's default, as its sends are."""
    without = "\n".join(line for line in config.read_text().splitlines() if "signature" not in line)
    config.write_text(without, encoding="utf-8")
    told = run(
        "preview", "order/cancelled", "--var", f"reason={'x' * 29}", "--channel", "sms", "--config", config
    )
    assert "65 characters · 2 parts · 1 outside" in told.stdout
    assert "costs 0.1 through sms" in told.stdout


def test_preview_needs_no_secret(run: Run, tmp_path: Path) -> None:
    """Words can be looked at where the account's key is not."""
    file = tmp_path / "own.toml"
    file.write_text('[providers.sms]\ntype = "ihuyi"\naccount = "env:NONE"\napi_key = "env:NONE"\n')
    assert run("preview", "login/code", "--config", file).exit_code == 0
    assert run("templates", "--config", file).exit_code == 0


def test_preview_prints_html(run: Run) -> None:
    """--html prints the html of the mail, to be piped into a browser."""
    done = run("preview", "order/paid", "--html")
    assert done.stdout.lower().lstrip().startswith("<!doctype html>")
    assert run("preview", "order/paid", "--html", "--channel", "sms").exit_code == 2


def test_preview_of_an_unknown_notice(run: Run) -> None:
    """An unknown notice is named with the nearest one."""
    done = run("preview", "order/shiped")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "notifyhub: notice: no notice `order/shiped`; did you mean `order/shipped`?\n"


def test_templates_are_listed(run: Run) -> None:
    """Every notice with its category, words and variables."""
    done = run("templates")
    assert done.exit_code == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("login/code"))
    assert line.split()[1:5] == ["otp", "email(en,zh)", "sms(en,zh)", "code"]
    listed = json.loads(run("templates", "list", "--json").stdout)["notices"]
    assert "order/shipped" in [notice["notice"] for notice in listed]


def test_templates_lint(run: Run, tmp_path: Path) -> None:
    """Linting is 0 for what ships, and 2 with a line for each error otherwise."""
    assert run("templates", "lint").exit_code == 0
    notice = tmp_path / "notices" / "my" / "note"
    notice.mkdir(parents=True)
    (notice / "notice.toml").write_text('summary = "x"\ncategory = "ops"\n')
    (notice / "sms.zh.j2").write_text("{{ nobody }}")
    (tmp_path / "notifyhub.toml").write_text('templates = ["notices"]\n')
    done = run("templates", "lint", "--config", tmp_path / "notifyhub.toml")
    assert done.exit_code == 2
    assert "my/note" in done.stdout


def test_providers_are_listed_without_their_secrets(run: Run, tmp_path: Path) -> None:
    """Instances and types, also where a secret is missing; unknown types are marked."""
    file = tmp_path / "own.toml"
    file.write_text(
        '[providers.sms]\ntype = "ihuyi"\napi_key = "env:NONE"\n[providers.bird]\ntype = "pigeon"\n'
    )
    told = json.loads(run("providers", "--json", "--config", file).stdout)
    assert told["instances"] == [
        {"instance": "sms", "type": "ihuyi", "known": True},
        {"instance": "bird", "type": "pigeon", "known": False},
    ]
    assert {"console", "ihuyi"} <= {kind["type"] for kind in told["types"]}
    assert "unknown type" in run("providers", "list", "--config", file).stdout


def test_providers_check_names_every_mistake(run: Run, tmp_path: Path) -> None:
    """Each instance is checked by itself, so that one mistake does not hide the next."""
    file = tmp_path / "own.toml"
    file.write_text(
        '[providers.a]\ntype = "ihuyi"\naccount = "C1"\napi_key = "env:NOBODY_SETS_THIS"\n'
        '[providers.b]\ntype = "ihuyi"\n[providers.c]\ntype = "console"\n'
    )
    done = run("providers", "check", "--config", file)
    assert done.exit_code == 2
    assert "the environment variable NOBODY_SETS_THIS is not set" in done.stdout
    assert "providers.b.account: missing" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["c", "console", "ok"]


def test_providers_check_looks_at_routes(run: Run, tmp_path: Path) -> None:
    """A route to an instance that does not exist is found."""
    file = tmp_path / "own.toml"
    file.write_text('[providers.c]\ntype = "console"\n[[routes]]\nproviders = ["d"]\n')
    done = run("providers", "check", "--config", file, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"]) == (2, False)
    assert "no provider instance is called `d`" in told["checks"][-1]["state"]


def test_providers_check_online_asks_the_account(run: Run, config: Path, gateway: Simulator) -> None:
    """--online asks for the balance, and only then is anybody asked."""
    assert run("providers", "check", "--config", config).exit_code == 0
    assert gateway.requests == []
    assert "ok, 1000 messages left" in run("providers", "check", "--online", "--config", config).stdout
    gateway.script_method("GetNum", [Behaviour.code(405)])
    done = run("providers", "check", "--online", "--config", config)
    assert done.exit_code == 3
    assert "credentials" in done.stdout


def test_balance_is_a_bare_number_in_a_pipe(shell: Shell, config: Path, gateway: Simulator) -> None:
    """The number of messages left, and nothing else that a script would have to take away."""
    gateway.balance[DEMO_ACCOUNT] = 1234567
    done = shell("balance", "--config", config)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1234567\n", "")


def test_balance_as_json(run: Run, config: Path) -> None:
    """One object, its keys always the same."""
    told = json.loads(run("balance", "sms", "--config", config, "--json").stdout)
    assert told == {"instance": "sms", "amount": 1000, "unit": "messages", "reason": None, "code": None}


@pytest.mark.parametrize(
    ("behaviour", "status", "reason"),
    [(Behaviour.code(405), 3, "credentials"), (Behaviour.http(500), 4, "")],
)
def test_an_unknown_balance_is_never_a_number(
    run: Run, config: Path, gateway: Simulator, behaviour: Behaviour, status: int, reason: str
) -> None:
    """An error is never a balance of 0: one line on standard error, 3 or 4."""
    gateway.script_method("GetNum", [behaviour])
    done = run("balance", "--config", config)
    assert (done.exit_code, done.stdout) == (status, "")
    assert done.stderr.startswith("notifyhub: sms: ")
    assert reason in done.stderr
    assert DEMO_API_KEY not in done.output
    gateway.script_method("GetNum", [behaviour])
    done = run("balance", "--config", config, "--json")
    assert (done.exit_code, json.loads(done.stdout)["amount"]) == (status, None)


def test_balance_of_nothing(run: Run) -> None:
    """Where no instance has a balance, it says so; where the one named has none, too."""
    for arguments in ((), ("console",)):
        done = run("balance", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "balance" in done.stderr


def test_plugins_are_listed(run: Run) -> None:
    """Each plugin with its distribution and its hooks; blocked ones too."""
    told = json.loads(run("plugins", "--json").stdout)["plugins"]
    assert {"plugin": "ihuyi", "hooks": ["provider_types"]}.items() <= {
        key: value for row in told if row["plugin"] == "ihuyi" for key, value in row.items() if key != "from"
    }.items()
    Path("notifyhub.toml").write_text('[plugins]\nblock = ["ihuyi"]\n')
    done = run("plugins")
    assert done.exit_code == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("ihuyi"))
    assert "blocked in the settings" in line


def test_codes_tell_what_follows(run: Run) -> None:
    """Every code of the vendor with what notifyhub does about it, from the reason table."""
    kind: ProviderType = notifyhub_provider_types()[0]
    told = {row["code"]: row for row in json.loads(run("codes", "ihuyi", "--json").stdout)["codes"]}
    assert list(told) == [row.code for row in kind.codes]
    assert told["2"]["reason"] is None
    assert told["4051"]["reason"] == "balance"
    assert told["4051"]["failover"] is True
    assert told["4080"]["retry_after"] == 1.0
    assert told["4080"]["failover"] is REASONS[Reason.RECIPIENT_RATE].failover
    assert "剩余条数不足" in run("codes").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("codes", "console"), "type: `console` has no code table; these have: ihuyi"),
        (("codes", "ihuyy"), "type: unknown provider type `ihuyy`; did you mean `ihuyi`?"),
        (("simulate", "console"), "type: `console` has no simulator; these have: ihuyi"),
        (("demo", "console"), "type: `console` has no demonstration; these have: ihuyi"),
    ],
)
def test_a_type_without_it_is_one_line(run: Run, arguments: tuple[str, ...], told: str) -> None:
    """Asking a type for what it has not names those that have it."""
    done = run(*arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"notifyhub: {told}\n")
