"""Routing: which instances may carry a message, and in what order they are asked."""

from notifyhub.routing.building import build_route, watched
from notifyhub.routing.route import Condition, Instance, Path, Route
from notifyhub.routing.router import Judgement, Router
from notifyhub.routing.rules import Rule, Rules
from notifyhub.routing.strategies import Strategy

__all__ = [
    "Condition",
    "Instance",
    "Judgement",
    "Path",
    "Route",
    "Router",
    "Rule",
    "Rules",
    "Strategy",
    "build_route",
    "watched",
]
