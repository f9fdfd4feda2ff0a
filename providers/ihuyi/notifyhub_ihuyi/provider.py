"""IhuyiProvider: one account with the gateway, speaking notifyhub's vocabulary."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from notifyhub.http import HttpClient
from notifyhub.log import get_logger, protect
from notifyhub.message import SMS, Message
from notifyhub.outcome import Outcome
from notifyhub.providers import Balance, Capabilities, ParsedPush, Push
from notifyhub.template.segments import parts_cn
from notifyhub_ihuyi.checks import Submission, prepare, refuse_template
from notifyhub_ihuyi.codes import CLOCK_CODE
from notifyhub_ihuyi.limits import declared
from notifyhub_ihuyi.push import parse_push
from notifyhub_ihuyi.reply import RegisteredTemplate, read_balance, read_submit, read_template
from notifyhub_ihuyi.settings import IhuyiSettings
from notifyhub_ihuyi.signing import VendorClock, balance_password, submit_password, template_password

if TYPE_CHECKING:
    import httpx

__all__ = ["IhuyiProvider"]

_PATH = "/webservice/sms.php"
_log = get_logger("notifyhub.ihuyi")


class IhuyiProvider:
    """Texts to mainland mobiles by 互亿无线; also tells the balance, reads pushes, registers templates.

    name: the instance's. transport: an httpx transport instead of the usual ones. clock: Unix seconds.
    Opens no connection before the first call that needs one.
    """

    type_name = "ihuyi"

    def __init__(
        self,
        name: str,
        settings: IhuyiSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.capabilities = Capabilities(
            channels=frozenset({SMS}),
            countries=frozenset({"CN"}),
            max_length=settings.max_length,
            limits=declared(settings),
        )
        self._settings = settings
        self._key = settings.api_key.get_secret_value()
        protect(self._key)
        self._clock = VendorClock(clock)
        self._http = HttpClient(timeout=settings.timeout, transport=transport)

    def __repr__(self) -> str:
        return f"<IhuyiProvider {self.name}>"

    def check(self, message: Message) -> Outcome | None:
        """The refusal that this message comes to before the network, else None."""
        prepared = prepare(message, self._settings, self.capabilities)
        return prepared if isinstance(prepared, Outcome) else None

    def parts(self, message: Message) -> int:
        """The parts (条) that the platform bills, its signature included."""
        return parts_cn(message.text, self._settings.signature)

    async def send(self, message: Message) -> Outcome:
        """Submit once; what cannot be sent is refused without a connection.

        After a code 40501 the vendor's clock is known, and the next `send` signs with it.
        """
        submission = prepare(message, self._settings, self.capabilities)
        if isinstance(submission, Outcome):
            return submission
        form = self._sign_submission(submission)
        reply = await self._http.post(self._url("Submit"), form=form)
        if isinstance(reply, Outcome):
            return reply
        parts = self.parts(message) if message.text else None
        price = self._settings.price_per_part
        outcome = read_submit(
            reply.status,
            reply.headers,
            reply.body,
            private=(*submission.private, self._key, form["password"]),
            parts=parts,
            price=None if parts is None or price is None else parts * price,
        )
        if outcome.code == CLOCK_CODE and self._clock.learn(reply.date):
            _log.warning("clock_learnt", provider=self.name, offset=round(self._clock.offset, 1))
        return outcome

    async def balance(self) -> Balance | Outcome:
        """The messages (条) left, or the Outcome that tells why that is not known; never 0 for an error.

        After a code 40501 it asks once more with the clock set right: a question can be repeated.
        """
        found = await self._ask_balance()
        if isinstance(found, Outcome) and found.code == CLOCK_CODE:
            return await self._ask_balance()
        return found

    async def _ask_balance(self) -> Balance | Outcome:
        form = {"account": self._settings.account, "format": self._settings.format}
        if self._settings.signing == "dynamic":
            form["time"] = self._clock.stamp()
            form["password"] = balance_password(self._settings.account, self._key, form["time"])
        else:
            form["password"] = self._key
        reply = await self._http.post(self._url("GetNum"), form=form)
        if isinstance(reply, Outcome):
            return reply
        found = read_balance(reply.status, reply.headers, reply.body, private=(self._key, form["password"]))
        if isinstance(found, Outcome) and found.code == CLOCK_CODE:
            self._clock.learn(reply.date)
        return found

    async def add_template(self, content: str) -> RegisteredTemplate | Outcome:
        """Hand a template in for review, its slots written `【变量】`; the review comes as a push.

        Returns the vendor's id of it, or the Outcome that tells why there is none.
        """
        refusal = refuse_template(content)
        if refusal is not None:
            return refusal
        static = self._settings.signing == "static"
        form = {
            "account": self._settings.account,
            "password": self._key if static else template_password(self._key),
            "content": content,
            "format": self._settings.format,
        }
        reply = await self._http.post(self._url("AddTemplate"), form=form)
        if isinstance(reply, Outcome):
            return reply
        private = (self._key, form["password"], content)
        return read_template(reply.status, reply.headers, reply.body, private=private)

    def parse_push(self, push: Push) -> ParsedPush:
        """The receipt, reply or template review in a push; the answer is always `success`."""
        return parse_push(self.name, push)

    async def aclose(self) -> None:
        """Close the connections; calling it twice is harmless."""
        await self._http.aclose()

    def _url(self, method: str) -> str:
        return f"{self._settings.base_url}{_PATH}?method={method}"

    def _sign_submission(self, submission: Submission) -> dict[str, str]:
        settings = self._settings
        form = {
            "account": settings.account,
            "mobile": submission.mobile,
            "content": submission.content,
            "format": settings.format,
        }
        if submission.template_id is not None:
            form["templateid"] = submission.template_id
        if settings.signing == "static":
            form["password"] = self._key
            return form
        # Signed afresh each time: how long a `time` is accepted is not documented.
        stamp = self._clock.stamp()
        form["time"] = stamp
        form["password"] = submit_password(
            settings.account, self._key, submission.mobile, submission.content, stamp
        )
        return form
