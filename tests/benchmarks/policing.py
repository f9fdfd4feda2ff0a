"""What the policies cost: all the stock ones on the durable path, and one limit in memory."""

from __future__ import annotations

import time
from itertools import count
from typing import Any, Self

import contenders
from durable import Folder, many

from notifyhub import Hub, Outcome, provider
from notifyhub.category import DeliveryPolicy
from notifyhub.ledger import MemoryLedger, Question
from notifyhub.outcome import Delivery, Status
from notifyhub.policies import Limits, Pipeline
from notifyhub.quota import Limit, LimitRule

NUMBERS = [f"+86138{number:08d}" for number in range(3000)]
"""One message to each in a round: nobody comes near a limit, and every tally is somebody's own."""

STOCK: dict[str, Any] = {
    "suppression_list": {},
    "quiet_hours": [{"start": "22:00", "end": "08:00"}],
    "limits": [{"limit": "30/day"}],
    "vendor_limits": True,
    "budgets": [{"amount": 100_000_000}],
    "deduplicate": {"window": 60},
}
"""Every stock policy that says whether a message goes; the vendor has two limits of its own."""


@provider("nothing", channels={"sms"})
async def limited(_: object) -> Outcome:
    """Does nothing, for a vendor that has limits of its own."""
    return contenders.ACCEPTED


limited.capabilities = type(limited.capabilities)(
    channels=frozenset({"sms"}),
    limits=(
        LimitRule(name="to a number", limits=(Limit(30, 1.0),)),
        LimitRule(name="the same words", limits=(Limit(20, 86400.0),), per=("recipient", "words")),
    ),
)


class Policing(Folder):
    """hub.send on SQLite with a do-nothing provider, without policies and with all of them."""

    async def __aenter__(self) -> Self:
        self.hubs = {
            name: await self.hub(f"sqlite:///{self.folder}/{number}.db", limited, policies=policies)
            for number, (name, policies) in enumerate(
                {"no policies": {}, "all stock policies": STOCK}.items()
            )
        }
        self._code = count()
        return self

    async def round(self) -> dict[str, float]:
        """Seconds per message of each, and of one limit in memory."""
        took = {name: await self._to_everybody(hub) for name, hub in self.hubs.items()}
        took["one limit, in memory"] = await self._limit()
        return took

    async def _to_everybody(self, hub: Hub) -> float:
        numbers = iter(NUMBERS)

        async def life() -> None:
            data = {"code": f"{next(self._code) % 1_000_000:06d}"}
            delivery = await hub.send("login/code", to=next(numbers), data=data)
            assert delivery.ok, delivery.explain()

        return await many(len(NUMBERS), life)

    async def _limit(self) -> float:
        ledger = MemoryLedger()
        rule = LimitRule(name="to a number", limits=(Limit(30, 86400.0),))
        pipeline = Pipeline([Limits({rule: None}, DeliveryPolicy.of)], ledger)
        messages = [contenders.Message(channel="sms", to=number, text="words") for number in NUMBERS]
        first = messages[0]
        delivery = Delivery(
            id=first.id, status=Status.SENDING, channel="sms", category=first.category, address=first.to
        )
        started = time.perf_counter()
        for message in messages:
            question = await pipeline.question(delivery, message, ("nothing",), None)
            assert isinstance(question, Question)
            assert (await ledger.admit(question)).refused is None
        return (time.perf_counter() - started) / len(messages)


class PolicedPosting(contenders.Posting):
    """Hub, SQLite and ihuyi through the loopback gateway, without policies and with all of them."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.box = Folder()
        self.hubs = {
            name: Hub(
                {"ledger": {"url": f"sqlite:///{self.box.folder}/{number}.db"}, "policies": policies},
                providers={"sms": self.fast},
            )
            for number, (name, policies) in enumerate(
                {"no policies": {}, "all stock policies": STOCK}.items()
            )
        }
        self._person = count()
        return self

    async def __aexit__(self, *exited: object) -> None:
        await super().__aexit__(*exited)
        await self.box.stack.aclose()

    async def round(self) -> dict[str, float]:
        """Seconds per message of each. Five codes a day go to a number: each round has other numbers."""
        numbers = [f"+86139{next(self._person):08d}" for _ in range(self.messages)]
        for number in numbers:  # read once, for both
            self.hubs["no policies"].preview("login/code", to=number, data=contenders.DATA)
        return {name: await self._to_each(hub, numbers) for name, hub in self.hubs.items()}

    async def _to_each(self, hub: Hub, numbers: list[str]) -> float:
        left = iter(numbers)

        async def send() -> None:
            delivery = await hub.send("login/code", to=next(left), data=contenders.DATA)
            assert delivery.ok, delivery.explain()

        return await self._all(send)
