"""Imports, each in an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys
import time

STATEMENTS = {
    "nothing": "pass",
    "pydantic and one model": "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\n    b: str = ''",
    "import notifyhub": "import notifyhub",
    "from notifyhub import Hub": "from notifyhub import Hub",
    "import apprise": "import apprise",
}


async def one_round() -> dict[str, float]:
    """Seconds for each, the interpreter's own start taken off."""
    took = {name: _run(statement) for name, statement in STATEMENTS.items()}
    start = took.pop("nothing")
    return {name: max(seconds - start, 1e-6) for name, seconds in took.items()}


def _run(statement: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - started
