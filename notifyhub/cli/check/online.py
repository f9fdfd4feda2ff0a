"""Online: whether each provider's vendor can be reached, asked all at once and not for long."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from notifyhub.cli.balance import number
from notifyhub.cli.check.finding import Finding, Level, fine
from notifyhub.outcome import Outcome
from notifyhub.providers import Balance, HasBalance, HasEndpoint, Provider
from notifyhub.routing import Instance

__all__ = ["DEADLINE", "online"]

DEADLINE = 10.0
"""Seconds for one provider in all."""
REACH = "look at the network, the address in its settings, and the vendor's own pages"


async def online(instances: Mapping[str, Instance], deadline: float = DEADLINE) -> list[Finding]:
    """One finding for each instance."""
    asked = (_within(name, instance.provider, deadline) for name, instance in instances.items())
    return list(await asyncio.gather(*asked))


async def _within(name: str, provider: Provider, deadline: float) -> Finding:
    try:
        async with asyncio.timeout(deadline):
            return await _asked(name, provider)
    except TimeoutError:
        return _not(name, f"no answer within {deadline:g} s", REACH)
    except Exception as error:  # noqa: BLE001 - a stranger's provider; its words may quote a secret
        return _not(name, f"{type(error).__name__} while it was asked", "please report it to its author")


async def _asked(name: str, provider: Provider) -> Finding:
    if isinstance(provider, HasBalance):
        left = await provider.balance()
        if isinstance(left, Balance):
            return fine("online", name, f"reached, {number(left)} {left.unit} left")
        if isinstance(left, Outcome):
            return _not(name, str(left), REACH)
    if isinstance(provider, HasEndpoint):
        return await _connected(name, provider.endpoint)
    return fine("online", name, "cannot be asked: it has neither a balance nor an endpoint to tell")


async def _connected(name: str, endpoint: str) -> Finding:
    parts = urlsplit(endpoint)
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
    except (OSError, ValueError) as error:
        # Its words may hold a whole URL with a token in it.
        return _not(name, f"no connection to {parts.hostname}:{port}: {type(error).__name__}", REACH)
    writer.close()
    return fine("online", name, f"{parts.hostname}:{port} answers{' with TLS' if tls else ''}")


def _not(name: str, found: str, remedy: str) -> Finding:
    return Finding(Level.ERROR, "online", name, found, remedy)
