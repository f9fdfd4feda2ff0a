"""`Simulator`: the gateway on a loopback port, with a hand on everything that it does."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from .accounts import DEMO_ACCOUNT, DEMO_API_KEY, Accounts
from .behaviour import Behaviour
from .gateway import Gateway, Rules
from .journal import Journal
from .pushes import Push, Pusher, check_url, shanghai
from .rates import Limits
from .records import Request, Submission, read_request
from .replies import NAMESPACES
from .service import Service, Style
from .templates import TEST_TEMPLATE, TEST_TEMPLATE_ID, TemplateBook
from .wire import Connection, Listener

__all__ = ["Simulator"]


class Simulator:
    """The ihuyi SMS gateway on loopback; an async context manager.

    Every option is a keyword; times are seconds.

    - `accounts` keys by APIID (`DEMO_ACCOUNT` when none are given); `balance` messages that each begins with;
      `unknown_account_code` 405 or 4053; `frozen_accounts` 4050; `blocked_ips` 400;
      `bound_ips` by account 4052.
    - `host`, `port` (0 finds a free one); `keep_alive` how long an idle connection stays open.
    - `push_to` the http URL for receipts, replies and reviews; `receipts` whether messages get any;
      `receipt_delay` from acceptance to receipt; `time_scale` stretches or shrinks the gaps of 60, 120 and
      180 s before repeats.
    - `clock` Unix seconds, also for the ``Date`` header; `clock_window` how far `time` may be off (40501).
    - `limits` per number; `blocked_numbers` 4030; `sensitive_words` 407; `max_length` 4073;
      `signature` what the platform adds, counted in the cost.
    - `templates` approved texts by id, besides the test template ``1``; `match_templates` whether a full text
      must match one (4072); `variable_limit` longest value (40722), None for any.
    - `namespace` the default namespace of XML (see `NAMESPACES`); `num_as_text` the balance as a string;
      `errors_under_submit_root` GetNum's errors under the root ``SubmitResult``.
    - `by_number` whether the numbers of `notifyhub_ihuyi.simulator.numbers` do what they say.
    - `journal` a file that gets one JSON line for each accepted message, fsynced before the answer.

    Raises OSError when entered, if the port is taken or the journal cannot be opened.
    """

    def __init__(
        self,
        *,
        accounts: Mapping[str, str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        push_to: str | None = None,
        receipts: bool = True,
        receipt_delay: float = 0.05,
        time_scale: float = 0.01,
        keep_alive: float = 15.0,
        clock: Callable[[], float] = time.time,
        clock_window: float = 60.0,
        balance: int = 1000,
        limits: Limits | None = None,
        templates: Mapping[str, str] | None = None,
        match_templates: bool = False,
        variable_limit: int | None = 50,
        max_length: int = 500,
        signature: str = "互亿无线",
        sensitive_words: Collection[str] = (),
        blocked_numbers: Collection[str] = (),
        unknown_account_code: int = 405,
        frozen_accounts: Collection[str] = (),
        blocked_ips: Collection[str] = (),
        bound_ips: Mapping[str, Collection[str]] | None = None,
        namespace: str = NAMESPACES[0],
        num_as_text: bool = False,
        errors_under_submit_root: bool = False,
        by_number: bool = True,
        journal: Path | None = None,
    ) -> None:
        keys = {DEMO_ACCOUNT: DEMO_API_KEY} if accounts is None else dict(accounts)
        self.requests: list[Request] = []
        self.push_to = push_to
        self._host = host
        self._port = port
        self._base_url: str | None = None
        self._keep_alive = keep_alive
        self._clock = clock
        self._resets = 0
        checks = Accounts(
            keys,
            clock=clock,
            clock_window=clock_window,
            unknown_code=unknown_account_code,
            frozen=frozen_accounts,
            blocked_ips=blocked_ips,
            bound_ips=bound_ips or {},
        )
        self._gateway = Gateway(
            rules=Rules(
                max_length=max_length,
                signature=signature,
                sensitive_words=frozenset(sensitive_words),
                blocked_numbers=frozenset(blocked_numbers),
                match_templates=match_templates,
                limits=limits or Limits(),
            ),
            balance=dict.fromkeys(keys, balance),
            templates=TemplateBook({TEST_TEMPLATE_ID: TEST_TEMPLATE, **(templates or {})}, variable_limit),
            clock=clock,
            by_number=by_number,
        )
        self._journal = Journal(journal)
        self._pusher = Pusher(lambda: self.push_to, time_scale=time_scale)
        self._listener = Listener(self._serve, clock)
        self._service = Service(
            accounts=checks,
            gateway=self._gateway,
            journal=self._journal,
            pusher=self._pusher,
            style=Style(
                namespace=namespace,
                num_as_text=num_as_text,
                errors_under_submit_root=errors_under_submit_root,
                receipts=receipts,
                receipt_delay=receipt_delay,
            ),
        )

    async def __aenter__(self) -> Self:
        self._journal.open()
        try:
            port = await self._listener.start(self._host, self._port)
        except OSError:
            self._journal.close()
            raise
        self._base_url = f"http://{self._host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Cancel pushes that are not due yet, end every connection, close the journal."""
        await self._listener.stop()
        await self._pusher.stop()
        self._journal.close()

    @property
    def push_to(self) -> str | None:
        """The http URL that pushes go to, None for nowhere. Setting anything else raises ValueError."""
        return self._push_to

    @push_to.setter
    def push_to(self, url: str | None) -> None:
        if url is not None:
            check_url(url)
        self._push_to = url

    async def serve_forever(self) -> None:
        """Serve until cancelled; for a command that has nothing else to do."""
        await asyncio.Event().wait()

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:PORT``. Raises RuntimeError before the simulator is entered."""
        if self._base_url is None:
            raise RuntimeError("the simulator is not running: use it with `async with`")
        return self._base_url

    @property
    def submissions(self) -> list[Submission]:
        """Accepted messages, whatever was answered."""
        return self._gateway.submissions

    @property
    def connections(self) -> int:
        """TCP connections ever opened."""
        return self._listener.opened

    @property
    def balance(self) -> dict[str, int]:
        """Messages left by account; assign to change them."""
        return self._gateway.balance

    @property
    def pushes(self) -> list[Push]:
        """Every attempt to push, in order."""
        return self._pusher.made

    @property
    def templates(self) -> TemplateBook:
        """The registered templates by id."""
        return self._gateway.templates

    def script(self, mobile: str, behaviours: Iterable[Behaviour]) -> None:
        """What to do with the next messages to a number; once the list has run out, back to normal.

        ``"*"`` stands for any number without a script of its own. A request with a wrong account,
        password or time uses nothing up.
        """
        self._gateway.script(mobile, behaviours)

    def script_method(self, method: str, behaviours: Iterable[Behaviour]) -> None:
        """The same for the next calls of ``GetNum`` or ``AddTemplate``; ValueError for another method."""
        if method not in {"GetNum", "AddTemplate"}:
            raise ValueError("script_method is for GetNum and AddTemplate; messages are scripted by number")
        self._gateway.script(method, behaviours)

    def reset_connections(self, count: int) -> None:
        """Reset the next connections as soon as they are open, before a byte is read."""
        self._resets = count

    async def reply(self, mobile: str, content: str, *, smsid: str | None = None) -> bool:
        """The person answers (上行); whether the first push was acknowledged.

        The push hints at the last message to that number, unless `smsid` says otherwise (an empty string
        leaves the hint out). Raises RuntimeError when `push_to` is None.
        """
        hint = self._gateway.last_smsid(mobile) if smsid is None else smsid
        fields = {"mobilephone": mobile, "content": content, "reply_time": shanghai(self._clock())}
        return await self._push("reply", fields | ({"smsid": hint} if hint else {}))

    async def review(self, template_id: str, *, approved: bool, words: str = "") -> bool:
        """The reviewers decide about a template; whether the first push was acknowledged.

        Raises LookupError for an id that was never registered, RuntimeError when `push_to` is None.
        """
        self._gateway.templates.review(template_id, approved=approved)
        verdict = words or ("审核通过" if approved else "审核不通过")
        return await self._push(
            "review", {"code": "2" if approved else "0", "msg": verdict, "templateid": template_id}
        )

    async def push(self, fields: Mapping[str, str]) -> bool:
        """Push any fields, also such as the vendor never would; whether the first push was acknowledged."""
        return await self._push("custom", fields)

    async def drain(self) -> None:
        """Wait until every push that is promised, repeats included, has been made."""
        await self._pusher.drain()

    async def _push(self, kind: str, fields: Mapping[str, str]) -> bool:
        made = await self._pusher.push(kind, fields)
        if made is None:
            raise RuntimeError("there is nowhere to push to: set push_to")
        return made.acknowledged

    async def _serve(self, connection: Connection) -> None:
        if self._resets > 0:
            self._resets -= 1
            connection.reset()
            return
        while (raw := await connection.receive(self._keep_alive)) is not None:
            request = read_request(raw, connection, self._clock())
            self.requests.append(request)
            await connection.send(await self._service.answer(request))
