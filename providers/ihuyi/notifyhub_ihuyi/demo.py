"""What `notifyhub demo` shows: messages to a simulated gateway, over real HTTP on this machine.

Every scene is checked against what the *gateway* saw, not only against what notifyhub says of itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from notifyhub.address import mask
from notifyhub.category import DELIVERY_POLICIES, Category
from notifyhub.hookspecs import hookimpl
from notifyhub.outcome import Attempt, Delivery, OutcomeKind, Status
from notifyhub.providers import Push
from notifyhub.reason import Reason
from notifyhub.simulation import Beat
from notifyhub_ihuyi.demo_killed import worker_killed
from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, Behaviour, PushReceiver, Simulator

if TYPE_CHECKING:
    from notifyhub.hub import Hub

__all__ = ["demo"]

_ALICE, _BOB = "13800138000", "13900139000"
_CODE = "482913"
_PATIENCE = 1.0
"""Seconds that the answer which never comes is waited for; on a real account 10."""


class _Stage:
    """The three parts on one machine: the vendor's gateway, the application's hub, its URL for pushes."""

    def __init__(self) -> None:
        self._attempts: asyncio.Queue[tuple[Attempt, asyncio.Event]] = asyncio.Queue()
        self.sent: list[Delivery] = []
        self.receiver = PushReceiver(self._take)
        self.gateway: Simulator
        self.hub: Hub

    async def set_up(self, stack: AsyncExitStack, hub: type[Hub]) -> None:
        """Start everything; the stack ends it."""
        await stack.enter_async_context(self.receiver)
        self.gateway = await stack.enter_async_context(Simulator(push_to=self.receiver.url))
        sms = {"type": "ihuyi", "account": DEMO_ACCOUNT, "api_key": DEMO_API_KEY}
        self.hub = await stack.enter_async_context(
            hub(
                {
                    "providers": {
                        "sms": {**sms, "base_url": self.gateway.base_url},
                        "console": {"type": "console", "stream": "stdout"},
                    }
                }
            )
        )
        self.hub.plugins.register(self, "demo")

    async def _take(self, method: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        # The whole of what an application's web framework has to do for a push.
        return await self.hub.receive_push("sms", Push(method=method, headers=headers, body=body))

    @hookimpl
    async def notifyhub_attempt_finished(self, attempt: Attempt) -> None:
        """Hold the delivery until the story has told of the attempt: what is printed next comes after it."""
        told = asyncio.Event()
        await self._attempts.put((attempt, told))
        await told.wait()

    async def play(self, sending: Coroutine[Any, Any, Delivery]) -> AsyncIterator[Beat]:
        """Run a `hub.send`, telling each attempt as it ends, and then the whole of what was decided."""
        delivering = asyncio.create_task(sending)
        while True:
            attempted = asyncio.create_task(self._attempts.get())
            await asyncio.wait({delivering, attempted}, return_when=asyncio.FIRST_COMPLETED)
            if not attempted.done():
                attempted.cancel()
                break
            attempt, told = attempted.result()
            if attempt.provider == "sms":
                for beat in self._exchange(attempt):
                    yield beat
            told.set()
        self.sent.append(await delivering)
        yield Beat("decided", self.sent[-1].explain())

    def _exchange(self, attempt: Attempt) -> Iterator[Beat]:
        request = self.gateway.requests[-1]
        fields = request.fields
        query = "&".join(f"{name}={value}" for name, value in request.query.items())
        shown = {
            "account": fields["account"],
            "mobile": mask(fields["mobile"]),
            "time": fields["time"],
            # Enough to see that each one is another.
            "password": f"{fields['password'][:4]}…",
            "format": fields["format"],
            "content": fields["content"].replace(_CODE, "******"),
        }
        head = (
            f"{request.verb} {self.gateway.base_url}{request.path}?{query} (connection {request.connection})"
        )
        yield Beat("wire", f"{head}\n{_form(shown)}")
        outcome, took = attempt.outcome, f"after {attempt.elapsed_ms:.0f} ms"
        if outcome.code is None:
            yield Beat("answer", f"nothing, {took}")
            return
        answer = {
            "code": outcome.code,
            "msg": outcome.detail or "",
            "smsid": outcome.provider_message_id or "0",
        }
        yield Beat("answer", f"{_form(answer)} {took}")

    async def receipt(self) -> AsyncIterator[Beat]:
        """The vendor's later word on what was sent last, pushed to the application's URL."""
        sent = self.sent[-1]
        yield _check("accepted: the gateway found the signature right", sent.status is Status.ACCEPTED)
        await self.gateway.drain()
        push = self.receiver.received[-1]
        fields = {**push.fields, "mobilephone": mask(push.fields.get("mobilephone", ""))}
        yield Beat("answer", f"later, a receipt: POST {self.receiver.url}\n{_form(fields)}")
        now = await self.hub.delivery(sent.id)
        yield Beat("decided", f"answered `{push.answer}`; {now.steps[-1]}")
        yield _check("delivered", now.status is Status.DELIVERED)


async def demo(hub: type[Hub]) -> AsyncIterator[Beat]:
    """The scenes, in order. See `notifyhub.simulation.Demo`."""
    stage = _Stage()
    async with AsyncExitStack() as stack:
        await stage.set_up(stack, hub)
        for scene in (_login_code, _order_shipped, _never_answered, _out_of_balance):
            async for beat in scene(stage):
                yield beat
    async for beat in worker_killed(hub):
        yield beat


async def _login_code(stage: _Stage) -> AsyncIterator[Beat]:
    yield Beat("scene", "A login code goes out, and its receipt comes back")
    yield _asked("login/code", _ALICE, {"code": "******"})
    async for beat in stage.play(stage.hub.send("login/code", to=_ALICE, data={"code": _CODE})):
        yield beat
    async for beat in stage.receipt():
        yield beat


async def _order_shipped(stage: _Stage) -> AsyncIterator[Beat]:
    yield Beat("scene", "An order notice goes out over the same connection")
    data = {"order_no": "20261122001", "carrier": "顺丰速运", "tracking_no": "SF1234567890"}
    yield _asked("order/shipped", _BOB, data)
    async for beat in stage.play(stage.hub.send("order/shipped", to=_BOB, data=data)):
        yield beat
    before, now = stage.gateway.requests[-2:]
    yield _check("no new connection was opened", before.connection == now.connection)
    async for beat in stage.receipt():
        yield beat


async def _never_answered(stage: _Stage) -> AsyncIterator[Beat]:
    yield Beat("scene", "The gateway takes an order notice and never answers: it is not sent twice")
    requests, accepted = len(stage.gateway.requests), len(stage.gateway.submissions)
    stage.gateway.script(_BOB, [Behaviour.silence()])
    data = {"order_no": "20261122002", "amount": "128.00"}
    yield _asked("order/paid", _BOB, data)
    # As patient as every order, but for those who are watching.
    policy = DELIVERY_POLICIES[Category.ORDER].model_copy(update={"attempt_deadline": _PATIENCE})
    async for beat in stage.play(stage.hub.send("order/paid", to=_BOB, data=data, delivery=policy)):
        yield beat
    sent = stage.sent[-1]
    held = sent.status is Status.UNKNOWN and [attempt.provider for attempt in sent.attempts] == ["sms"]
    yield _check("`unknown`, and the console was not asked", held)
    requests, accepted = len(stage.gateway.requests) - requests, len(stage.gateway.submissions) - accepted
    yield _check(
        f"the gateway counts: submitted {requests} time, accepted {accepted}", (requests, accepted) == (1, 1)
    )
    await stage.gateway.drain()
    yield Beat("answer", "later, a receipt, for an smsid that only the lost answer would have told")
    now = await stage.hub.delivery(sent.id)
    acknowledged = stage.gateway.pushes[-1].acknowledged
    yield _check(
        "acknowledged and kept, but nothing is settled by a guess: still `unknown`",
        acknowledged and now.status is Status.UNKNOWN,
    )


async def _out_of_balance(stage: _Stage) -> AsyncIterator[Beat]:
    yield Beat("scene", "The account runs empty: the gateway refuses, and the console takes over")
    accepted = len(stage.gateway.submissions)
    stage.gateway.balance[DEMO_ACCOUNT] = 0
    yield _asked("login/code", _ALICE, {"code": "******"})
    async for beat in stage.play(stage.hub.send("login/code", to=_ALICE, data={"code": _CODE})):
        yield beat
    came_to = [(a.provider, a.outcome.kind, a.outcome.reason) for a in stage.sent[-1].attempts]
    told = [("sms", OutcomeKind.REFUSED, Reason.BALANCE), ("console", OutcomeKind.ACCEPTED, None)]
    yield _check("refused by `sms` for its balance, accepted by `console`", came_to == told)
    yield _check("the gateway accepted nothing", len(stage.gateway.submissions) == accepted)


def _asked(notice: str, to: str, data: dict[str, str]) -> Beat:
    shown = ", ".join(f'"{name}": "{value}"' for name, value in data.items())
    return Beat("asked", f'hub.send("{notice}", to="{mask(to)}", data={{{shown}}})')


def _form(fields: dict[str, str]) -> str:
    return "  ".join(f"{name}={value}" for name, value in fields.items())


def _check(text: str, held: bool) -> Beat:
    return Beat("check", text, ok=held)
