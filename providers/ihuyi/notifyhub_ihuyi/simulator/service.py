"""The three methods of the HTTP interface (API manual v3.3): Submit, GetNum, AddTemplate."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from .accounts import Accounts
from .behaviour import Behaviour, Receipt
from .faults import page
from .gateway import Gateway
from .journal import Journal
from .pushes import Pusher, shanghai
from .records import Request, Submission
from .replies import Answer, Draft, render, words_for
from .templates import is_registrable

__all__ = ["Service", "Style"]

_PHP = "/webservice/sms.php"
_JSON_PATHS = {"/sms/Submit.json": "Submit", "/sms/GetNum.json": "GetNum"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How answers look and whether receipts follow."""

    namespace: str
    num_as_text: bool
    errors_under_submit_root: bool
    receipts: bool
    receipt_delay: float


class Service:
    """Turns each request into an answer, and an accepted message into receipts."""

    def __init__(
        self, *, accounts: Accounts, gateway: Gateway, journal: Journal, pusher: Pusher, style: Style
    ) -> None:
        self._accounts = accounts
        self._gateway = gateway
        self._journal = journal
        self._pusher = pusher
        self._style = style

    async def answer(self, request: Request) -> Answer:
        """The answer to any request; a path, verb or method that does not exist is a 404 page."""
        as_json = request.path in _JSON_PATHS or request.fields.get("format", "").lower() == "json"
        method = request.query.get("method") if request.path == _PHP else _JSON_PATHS.get(request.path)
        if request.verb not in {"GET", "POST"}:
            return page(404)
        match method:
            case "Submit":
                return await self._submit(request, as_json)
            case "GetNum":
                return await self._balance(request, as_json)
            case "AddTemplate":
                return await self._add_template(request, as_json)
            case _:
                return page(404)

    async def _submit(self, request: Request, as_json: bool) -> Answer:
        refused = self._accounts.refuse_submit(request.fields, request.client)
        if refused is not None:
            return render(self._draft("SubmitResult", refused, "smsid", "0", as_json))
        behaviour = self._gateway.choose(request.fields["mobile"])
        await asyncio.sleep(behaviour.wait_before)
        code = self._gateway.check(request.fields) if behaviour.checked else behaviour.says
        accepted = code == 2 if behaviour.checked else behaviour.accepted
        smsid = self._gateway.new_smsid() if accepted or code == 2 else "0"
        if accepted:
            submission = self._gateway.accept(request, smsid)
            await self._journal.append(submission)
            await self._promise_receipts(submission, behaviour.receipts)
        await asyncio.sleep(behaviour.wait_after)
        return await _paint(behaviour, self._draft("SubmitResult", code, "smsid", smsid, as_json))

    async def _balance(self, request: Request, as_json: bool) -> Answer:
        code = self._accounts.refuse_balance(request.fields, request.client)
        behaviour = Behaviour.normal()
        if code is None:
            behaviour = self._gateway.next_scripted("GetNum") or behaviour
            code = behaviour.says
        await asyncio.sleep(behaviour.wait_before + behaviour.wait_after)
        left = self._gateway.balance[request.fields["account"]] if code == 2 else 0
        root = "SubmitResult" if code != 2 and self._style.errors_under_submit_root else "GetNumResult"
        num = str(left) if self._style.num_as_text else left
        return await _paint(behaviour, self._draft(root, code, "num", num, as_json))

    async def _add_template(self, request: Request, as_json: bool) -> Answer:
        code = self._accounts.refuse_template(request.fields, request.client)
        behaviour = Behaviour.normal()
        if code is None:
            behaviour = self._gateway.next_scripted("AddTemplate") or behaviour
            code = behaviour.says if is_registrable(request.fields["content"]) else 4070
        await asyncio.sleep(behaviour.wait_before)
        template_id = "0"
        if code == 2:
            template_id = self._gateway.templates.register(request.fields["content"])
        await asyncio.sleep(behaviour.wait_after)
        draft = self._draft("AddTemplateResult", code, "templateid", template_id, as_json)
        return await _paint(behaviour, draft)

    def _draft(self, root: str, code: int, key: str, value: object, as_json: bool) -> Draft:
        return Draft(
            root=root,
            code=code,
            words=words_for(code),
            key=key,
            value=value,
            as_json=as_json,
            namespace=self._style.namespace,
        )

    async def _promise_receipts(self, submission: Submission, receipts: Sequence[Receipt]) -> None:
        """Push the early ones now and start what pushes the others."""
        if not self._style.receipts:
            return
        for receipt in receipts:
            if receipt.early:
                await self._push_receipt(submission, receipt)
        self._pusher.start(self._push_later(submission, [one for one in receipts if not one.early]))

    async def _push_later(self, submission: Submission, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            await asyncio.sleep(self._style.receipt_delay if receipt.delay is None else receipt.delay)
            await self._push_receipt(submission, receipt)

    async def _push_receipt(self, submission: Submission, receipt: Receipt) -> None:
        mobile = receipt.mobile(submission.mobile) if receipt.mobile else submission.mobile
        fields = {
            "code": str(receipt.code),
            "msg": "发送成功" if receipt.code == 2 else "发送失败",
            "mobilephone": mobile,
            "smsid": receipt.smsid or submission.smsid,
            "report_time": shanghai(self._gateway.now()),
        }
        await self._pusher.push("receipt", fields)


async def _paint(behaviour: Behaviour, draft: Draft) -> Answer:
    """The behaviour's answer; off the loop when it is not the plain one, for a gzip bomb takes a while."""
    if behaviour.paint is render:
        return render(draft)
    return await asyncio.to_thread(behaviour.paint, draft)
