"""What `notifyhub simulate ihuyi` runs: the simulator, and the settings that reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notifyhub.simulation import Simulation
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, Simulator

__all__ = ["simulate"]


@asynccontextmanager
async def simulate(*, port: int, push_to: str | None) -> AsyncIterator[Simulation]:
    """The simulator as `notifyhub.simulation.Simulator` describes it."""
    async with Simulator(port=port, push_to=push_to) as gateway:
        yield Simulation(
            base_url=gateway.base_url,
            settings={
                "type": "ihuyi",
                "account": DEMO_ACCOUNT,
                "api_key": DEMO_API_KEY,
                "base_url": gateway.base_url,
            },
            notes=(
                f"Account {DEMO_ACCOUNT}, key {DEMO_API_KEY}: both are invented.",
                f"Receipts go to {push_to}."
                if push_to
                else "Receipts go nowhere: give --push-to URL to get them.",
                "A number says what happens: 139000CCCCC is answered with code CCCCC, 13700000001 never.",
                "The others are listed by `python -m pydoc notifyhub_ihuyi.simulator`.",
            ),
        )
