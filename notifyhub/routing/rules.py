"""Rules: the application's own say in which route a message takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from notifyhub.errors import SettingsError, nearest
from notifyhub.log import get_logger
from notifyhub.message import Message

__all__ = ["Rule", "Rules"]

_log = get_logger("notifyhub.routing")

Rule = Callable[[Message], bool]
"""Whether a route is for this message. Quick and without I/O: it is asked for each message."""


class Rules:
    """The functions that routes may name. One that raises says no, which is logged once for each.

    Raises SettingsError for what cannot be asked: a coroutine function would always say yes.
    """

    def __init__(self, functions: Mapping[str, Rule]) -> None:
        for name, function in functions.items():
            if not callable(function) or inspect.iscoroutinefunction(function):
                raise SettingsError(
                    f"the rule `{name}` is no plain function",
                    field="rules",
                    remedy="give a `def` that takes a message and returns True or False",
                )
        self._functions = dict(functions)
        self._failed: set[str] = set()

    def check(self, name: str, field: str) -> None:
        """Raise SettingsError where there is no rule of this name. field: the key that names it."""
        if name not in self._functions:
            near = nearest(name, self._functions)
            raise SettingsError(
                f"no rule is called `{name}`",
                field=field,
                remedy=near or f'give the hub the function: Hub(rules={{"{name}": …}})',
            )

    def say(self, name: str, message: Message) -> bool:
        """What the rule says about a message."""
        try:
            return bool(self._functions[name](message))
        except Exception as error:  # noqa: BLE001 - the application's bug must not keep its message back
            if name not in self._failed:
                self._failed.add(name)
                # Its words may quote the message; its class cannot.
                _log.error("rule_failed", rule=name, error=type(error).__name__)
            return False
