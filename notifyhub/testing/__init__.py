"""For tests: of providers (`ProviderContract`, `Gateway`), of dispatch engines (`DispatcherContract`), of
policies (`PolicyContract`), of applications (`outbox`, `RecordingProvider`).

The contracts and the fixture `outbox` need pytest; the rest runs under any test runner.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifyhub.testing.answer import Answer
    from notifyhub.testing.box import Outbox
    from notifyhub.testing.contract import ProviderContract, Stage
    from notifyhub.testing.desk import Desk
    from notifyhub.testing.dispatching import DispatcherContract
    from notifyhub.testing.fixtures import outbox
    from notifyhub.testing.gateway import Gateway, Request
    from notifyhub.testing.policies import PolicyContract
    from notifyhub.testing.recording import RecordingProvider

_HOME = {
    "Answer": "answer",
    "Desk": "desk",
    "DispatcherContract": "dispatching",
    "Gateway": "gateway",
    "Outbox": "box",
    "PolicyContract": "policies",
    "ProviderContract": "contract",
    "RecordingProvider": "recording",
    "Request": "gateway",
    "Stage": "contract",
    "outbox": "fixtures",
}
_ON_PYTEST = frozenset({"DispatcherContract", "PolicyContract", "ProviderContract", "Stage", "outbox"})

__all__ = [
    "Answer",
    "Desk",
    "DispatcherContract",
    "Gateway",
    "Outbox",
    "PolicyContract",
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
