"""For tests: of providers (`ProviderContract`, `Gateway`), of applications (`outbox`, `RecordingProvider`).

`ProviderContract` and the fixture `outbox` need pytest; the rest runs under any test runner.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifyhub.testing.answer import Answer
    from notifyhub.testing.box import Outbox
    from notifyhub.testing.contract import ProviderContract, Stage
    from notifyhub.testing.fixtures import outbox
    from notifyhub.testing.gateway import Gateway, Request
    from notifyhub.testing.recording import RecordingProvider

_HOME = {
    "Answer": "answer",
    "Gateway": "gateway",
    "Outbox": "box",
    "ProviderContract": "contract",
    "RecordingProvider": "recording",
    "Request": "gateway",
    "Stage": "contract",
    "outbox": "fixtures",
}
_ON_PYTEST = frozenset({"ProviderContract", "Stage", "outbox"})

__all__ = [
    "Answer",
    "Gateway",
    "Outbox",
    "ProviderContract",
    "RecordingProvider",
    "Request",
    "Stage",
    "outbox",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'notifyhub.testing' has no attribute {name!r}")
    try:
        home = import_module(f"notifyhub.testing.{_HOME[name]}")
    except ModuleNotFoundError as error:
        if error.name != "pytest" or name not in _ON_PYTEST:
            raise
        raise ImportError(
            f"notifyhub.testing.{name} needs pytest; pip install pytest", name="pytest"
        ) from error
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
