"""`notifyhub check`: everything that is wrong, at once, with a remedy, and never a secret or a traceback."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifyhub.cli.check import online
from notifyhub.message import Message
from notifyhub.outcome import Outcome
from notifyhub.providers import Balance, Capabilities
from notifyhub.reason import Reason
from notifyhub.routing import Instance
from notifyhub_ihuyi.simulator import DEMO_API_KEY, Behaviour, Simulator

if TYPE_CHECKING:
    from tests.cli.conftest import Run

MANY_THINGS_WRONG = """
default_locale = "zh"
nonsense = 1

[providers.main]
type = "ihuyi"
account = "env:NOBODY_SET_THIS"
api_key = "env:NOR_THIS"
acount = "typo"

[providers.post]
type = "mailman"

[providers.con]
type = "console"

[[routes]]
channel = "sms"
providers = ["main", "cont"]

[[routes]]
category = "otp"
providers = ["con"]

[[routes]]
category = "otp"
notice = "login/code"
providers = ["con"]

[policies.suppression_list]
addresses = ["not a number"]

[ledger]
url = "sqlite:///notifyhub.db"
keys = "env:NO_KEY_EITHER"

[dispatch]
engine = "rabbits"
"""


def checked(run: Run, file: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    done = run("check", "--json", "--config", file, *options)
    assert done.stderr == ""
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def by_level(findings: list[dict[str, Any]], level: str) -> list[str]:
    return [f"{each['part']} {each['about']}: {each['found']}" for each in findings if each["level"] == level]


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "notifyhub.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_all_is_well(run: Run, kept: Path) -> None:
    """With settings that work the status is 0, and each part has a line."""
    assert run("ledger", "migrate", "--config", kept).exit_code == 0
    status, findings = checked(run, kept)
    assert (status, by_level(findings, "error")) == (0, [])
    assert by_level(findings, "warning") == ["ledger ledger.keys: addresses and words are kept in clear"]
    parts = {each["part"] for each in findings}
    assert parts == {"settings", "providers", "notices", "routes", "policies", "ledger", "dispatch"}


def test_everything_wrong_is_found_at_once(run: Run, tmp_path: Path) -> None:
    """One mistake hides no other: each has its line, and nearly each a remedy."""
    status, findings = checked(run, written(tmp_path, MANY_THINGS_WRONG))
    assert status == 1
    assert by_level(findings, "error") == [
        "settings nonsense: unknown key",
        "providers providers.main.account: the environment variable NOBODY_SET_THIS is not set",
        "providers providers.main.api_key: the environment variable NOR_THIS is not set",
        "providers providers.main.acount: unknown key",
        "providers providers.post.type: unknown provider type `mailman`",
        "routes routes.0.providers: no provider instance is called `cont`",
        "policies policies.suppression_list: not a phone number (12 characters)",
        "ledger ledger.keys.0: the environment variable NO_KEY_EITHER is not set",
        "dispatch dispatch.engine: unknown engine `rabbits`",
    ]
    assert any("never reached" in each for each in by_level(findings, "warning"))


def test_one_mistake_is_told_once(run: Run, tmp_path: Path) -> None:
    """A wrong value is not missing as well, and a policy that cannot be read is not said to be off."""
    status, findings = checked(run, written(tmp_path, '[[policies.limits]]\nlimit = "5/fortnight"\n'))
    assert status == 1
    (told,) = [each for each in findings if each["level"] == "error"]
    assert (told["about"], told["remedy"]) == ("policies.limits.0.limit", 'write "5/day", "1/60s" or "20/2h"')
    assert not any(each["part"] == "policies" for each in findings)


FOLLOWED = """
templates = ["notices"]
[[policies.escalations]]
{who}
steps = [{{ after = 60, provider = "{whom}" }}]
[[policies.digests]]
notice = "login/alrt"
window = 60
"""


def test_what_others_are_sent_with_is_looked_at_too(run: Run, tmp_path: Path) -> None:
    """A follow-up by nobody, or of what holds, and a digest of no notice are found before the first send."""
    (tmp_path / "notices").mkdir()
    for who, whom, wrong in (
        (
            'category = "alert"',
            "consle",
            "policies.escalations.0.steps: no provider instance is called `consle`",
        ),
        ('category = "order"', "console", "policies.escalations.0.category: order holds after an uncertain"),
        ('notice = "login/none"', "console", "policies.escalations.0.notice: no notice `login/none`"),
    ):
        status, findings = checked(run, written(tmp_path, FOLLOWED.format(who=who, whom=whom)))
        assert status == 1
        follow_up, digest = sorted(by_level(findings, "error"), reverse=True)
        assert follow_up.startswith(f"policies {wrong}")
        assert digest == "policies policies.digests.0.notice: no notice `login/alrt`"
    asked = '[[policies.escalations]]\nnotice = "order/paid"\nsteps = [{ after = 9, provider = "console" }]\n'
    asked += '[[policies.digests]]\nnotice = "login/alert"\nwindow = 60\n'
    told = [each for each in by_level(checked(run, written(tmp_path, asked))[1], "error") if "polic" in each]
    assert sorted(told) == [
        "policies policies.digests.0.notice: `login/alert` is of alert",
        "policies policies.escalations.0.notice: `order/paid` is of order",
    ]


def test_the_table(run: Run, tmp_path: Path) -> None:
    """For people it is a table with a remedy a line, and a sum."""
    done = run("check", "--config", written(tmp_path, MANY_THINGS_WRONG))
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0].split() == ["PART", "ABOUT", "FOUND", "REMEDY"]
    assert "did you mean `account`?" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("9 errors, ")


def test_warnings_fail_only_if_asked(run: Run, config: Path) -> None:
    """A ledger in memory is a warning; --strict makes it a failure."""
    status, findings = checked(run, config)
    assert status == 0
    assert by_level(findings, "warning") != []
    assert checked(run, config, "--strict")[0] == 1


def test_a_ledger_without_tables(run: Run, kept: Path) -> None:
    """A ledger that is not made yet is a warning that names the command; looking does not make it."""
    status, findings = checked(run, kept)
    assert status == 0
    (told,) = [each for each in findings if each["found"] == "sqlite, no tables yet"]
    assert "notifyhub ledger migrate" in told["remedy"]
    assert not (kept.parent / "notifyhub.db").exists()


ROUTED = """
[providers.spare]
type = "console"
[[routes]]
channel = "sms"
carrier = "telecom"
providers = ["spare", "sms"]
[[routes]]
category = ["otp", "alert"]
rule = "vip"
providers = ["sms"]
[[routes]]
channel = "sms"
category = ["otp", "alert", "order"]
providers = ["sms", "spare"]
[[route_tests]]
to = "13312345678"
expect = "spare"
[[route_tests]]
to = "13312345678"
expect = ["sms", "spare"]
[[route_tests]]
to = "13800138000"
notice = "login/code"
expect = "spare"
"""


def test_route_tests(run: Run, config: Path) -> None:
    """Route tests that fail are errors; where a rule had a say, which no command has, they are warnings."""
    status, findings = checked(run, written(config.parent, config.read_text(encoding="utf-8") + ROUTED))
    assert status == 1
    assert by_level(findings, "error") == [
        "route_tests route_tests.1: "
        "expected sms → spare, but routes.0 (channel sms, carrier telecom) has spare → sms",
    ]
    warnings = by_level(findings, "warning")
    assert any(each.startswith("route_tests route_tests.2: expected spare") for each in warnings)
    assert any("its rule `vip` is the application's own" in each for each in warnings)
    assert any("no route carries an sms of the category marketing" in each for each in warnings)


def test_online(run: Run, config: Path, gateway: Simulator) -> None:
    """--online asks each account for its balance, over the network."""
    _, findings = checked(run, config, "--online")
    (told,) = [each for each in findings if each["part"] == "online"]
    assert (told["level"], told["found"]) == ("ok", "reached, 1000 messages left")
    gateway.script_method("GetNum", [Behaviour.code(405)])
    status, findings = checked(run, config, "--online")
    assert status == 1
    assert any("credentials" in each for each in by_level(findings, "error"))


class Somebody:
    """A provider that answers in some way. endpoint: given only where it is told."""

    name = "somebody"
    capabilities = Capabilities(channels=frozenset({"sms"}))

    async def send(self, message: Message) -> Outcome:
        raise AssertionError("a check sends nothing")

    async def aclose(self) -> None:
        pass


class Told(Somebody):
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint


class Slow(Somebody):
    async def balance(self) -> Balance | Outcome:
        await asyncio.sleep(60)
        return Outcome.unknown(Reason.TIMEOUT)


class Broken(Somebody):
    async def balance(self) -> Balance | Outcome:
        raise RuntimeError(f"secret {DEMO_API_KEY}")


@pytest.mark.parametrize("connects", [True, False])
def test_endpoints(connects: bool) -> None:
    """Where there is no balance but an endpoint, it is connected to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not connects:
            server.close()
        asked = {"told": Instance("told", "x", Told(f"http://127.0.0.1:{port}/v1?token=abc"))}
        (found,) = asyncio.run(online.online(asked))
    assert found.level == ("ok" if connects else "error")
    assert f"127.0.0.1:{port}" in found.found
    assert "abc" not in str(found)


def test_online_has_a_deadline() -> None:
    """A vendor that does not answer, or whose provider raises, is a finding after the deadline at most."""
    asked = {
        n: Instance(n, "x", p) for n, p in (("slow", Slow()), ("broken", Broken()), ("mute", Somebody()))
    }
    found = asyncio.run(online.online(asked, 0.1))
    assert [each.found for each in found] == [
        "no answer within 0.1 s",
        "RuntimeError while it was asked",
        "cannot be asked: it has neither a balance nor an endpoint to tell",
    ]


def test_secrets_are_never_shown(run: Run, config: Path) -> None:
    """Neither the key nor anything else of a provider's table is printed, right or wrong."""
    text = config.read_text(encoding="utf-8").replace("timeout = 2.0", f'timeout = "{DEMO_API_KEY}"')
    for content in (config.read_text(encoding="utf-8"), text):
        done = run("check", "--config", written(config.parent, content))
        assert DEMO_API_KEY not in done.output


@pytest.mark.parametrize("content", ["", "[", "\x00", "providers = 3", "[[providers]]", "[tool]\nx = 1"])
def test_files_that_are_none(run: Run, tmp_path: Path, content: str) -> None:
    """Whatever the file is, the answer is a table and a status."""
    done = run("check", "--config", written(tmp_path, content))
    assert done.exit_code == (0 if not content else 1)
    assert "error" in done.stdout


def test_no_file(run: Run, tmp_path: Path) -> None:
    """A file that is not there is one finding."""
    status, findings = checked(run, tmp_path / "none.toml")
    assert (status, len(findings)) == (1, 1)
    assert "no such file" in findings[0]["found"]


_VALUES = st.recursive(
    st.sampled_from(["1", "-1", "true", '""', '"x"', "nan", "1979-05-27", '"env:X"', '"file:x"', "2e999"]),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda values: f"[{', '.join(values)}]")
        | st.tuples(st.sampled_from(["type", "to", "providers", "x"]), inner).map(
            lambda p: f"{{{p[0]} = {p[1]}}}"
        )
    ),
    max_leaves=4,
)
_KEYS = st.sampled_from(
    ["default_country", "templates", "providers", "providers.a", "providers.a.type", "routes", "route_tests",
     "categories", "categories.otp", "policies", "policies.limits", "policies.budgets",
     "policies.deduplicate", "breaker", "breaker.threshold", "ledger", "ledger.url", "ledger.keys",
     "dispatch", "dispatch.engine", "plugins", "plugins.block", "folder", "source", "default_time_zone"]
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_whatever_the_file_holds(run: Run, tmp_path: Path, tables: dict[str, str]) -> None:
    """No content of a settings file makes a traceback, and each finding is a line of JSON."""
    file = written(tmp_path, "\n".join(f"{key} = {value}" for key, value in tables.items()))
    done = run("check", "--json", "--config", file)
    assert done.exit_code in (0, 1)
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert findings
    assert not any("a bug in notifyhub" in each["found"] for each in findings), (tables, findings)
