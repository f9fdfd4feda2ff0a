"""A stranger's plugin works: built, installed into a fresh environment, found, sent through, conformant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
EXAMPLE = CHECKOUT / "docs" / "plugins" / "notifyhub-example"

_SEND = """
import asyncio, json
import notifyhub, notifyhub_example
from notifyhub import Hub
from notifyhub.testing import Answer, Gateway

async def main():
    async with Gateway(Answer.json({"flight": "F-1"}, status=201)) as gateway:
        birds = {"type": "pigeon", "base_url": gateway.url, "token": "grain-and-water-42"}
        async with Hub({"providers": {"birds": birds}}) as hub:
            delivery = await hub.send(text="hello", to="+8613800138000")
        request = gateway.requests[0]
    print(json.dumps({
        "origin": hub.plugins.origins()["pigeon"], "status": delivery.status, "provider": delivery.provider,
        "id": delivery.provider_message_id, "path": request.path, "body": json.loads(request.body),
        "files": [notifyhub.__file__, notifyhub_example.__file__],
    }))

asyncio.run(main())
"""


@dataclass(frozen=True)
class Environment:
    """A fresh virtual environment; everything in it is run from a folder outside the checkout."""

    folder: Path

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run its Python."""
        python = self.folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        # Nothing of the outer environment may help: neither its modules nor its pytest options.
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "NOTIFYHUB"))}
        clean["PYTHONPYCACHEPREFIX"] = str(self.folder / "bytecode")  # the checkout stays as it is
        return subprocess.run(
            [python, *arguments], cwd=self.folder, env=clean, capture_output=True, text=True, timeout=300
        )

    def must_run(self, *arguments: str | Path) -> str:
        """Run its Python; its standard output, or a failure that shows everything."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The checkout and the example, built and installed as anybody would, with the example's test extra."""
    folder = tmp_path_factory.mktemp("stranger")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=120)
    environment = Environment(folder)
    pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    # The build's own requirement first: if this much cannot be had, no registry can be reached.
    reached = environment.run(*pip, "--retries", "1", "hatchling>=1.25")
    if reached.returncode:
        pytest.skip(f"pip reaches no package registry: {reached.stderr.strip().splitlines()[-1]}")
    environment.must_run(*pip, "--no-build-isolation", CHECKOUT, f"{EXAMPLE}[test]")
    return environment


def test_it_is_found_and_sent_through(installed: Environment) -> None:
    """A hub finds the installed plugin by its entry point, and a message goes through it to its vendor."""
    told = json.loads(installed.must_run("-c", _SEND))
    assert told["origin"] == "notifyhub-example 0.1.0"
    assert (told["status"], told["provider"], told["id"]) == ("accepted", "birds", "F-1")
    assert (told["path"], told["body"]) == ("/v1/flights", {"to": "+8613800138000", "note": "hello"})
    # What was tried is what a user would have, not the checkout.
    assert all(Path(file).is_relative_to(installed.folder.resolve()) for file in told["files"])


def test_it_is_conformant(installed: Environment) -> None:
    """Its own tests, the promises of every provider among them, pass where it is installed."""
    told = installed.must_run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", EXAMPLE / "pyproject.toml", EXAMPLE / "tests"
    )
    assert " passed" in told
    assert "skipped" not in told
    assert "xfailed" not in told


def test_it_can_be_blocked(installed: Environment) -> None:
    """The name of its entry point is what `[plugins] block` takes."""
    script = "from notifyhub import Plugins; print(sorted(Plugins(block=['pigeon']).provider_types()))"
    assert "pigeon" not in installed.must_run("-c", script)
