"""Behaviour by number: who has only a client, and no hand on the simulator, can provoke everything.

``139000CCCCC`` answers the code CCCCC (``13900000406`` → 406, ``13900040722`` → 40722), but ``13900000002``
is an ordinary number. ``137000VNNNN`` is the fault NNNN of `FAULTS`; with V = 0 the message was accepted,
with V = 1 the wire looks the same but nothing was accepted. ``13700001SSS`` accepts after SSS seconds,
``13700002SSS`` accepts at once and answers after SSS seconds. Every other number behaves normally.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .behaviour import Behaviour, Receipt, other_number

__all__ = ["FAULTS", "UNKNOWN_SMSID", "NumberedFault", "behaviour_for"]

_CODE = re.compile("139000([0-9]{5})")
_FAULT = re.compile("137000([01])([0-9]{4})")

UNKNOWN_SMSID = "16800000000000000000"
"""A serial number that no simulator ever gives out."""


@dataclass(frozen=True, slots=True)
class NumberedFault:
    """A row of the table of numbers."""

    number: str
    words: str
    behaviour: Behaviour


def _fault(place: int, words: str, behaviour: Behaviour) -> tuple[int, NumberedFault]:
    return place, NumberedFault(f"1370000{place:04d}", words, behaviour)


FAULTS: Mapping[int, NumberedFault] = MappingProxyType(
    dict(
        [
            _fault(1, "accepted, never answered", Behaviour.silence()),
            _fault(2, "accepted, then a TCP reset", Behaviour.reset()),
            _fault(3, "TCP reset, nothing accepted", Behaviour.reset().unaccepted()),
            _fault(4, "closed without an answer", Behaviour.close()),
            _fault(5, "the answer drips, a byte every 0.2 s", Behaviour.drip()),
            _fault(6, "body cut in half, Content-Length agrees", Behaviour.truncated()),
            _fault(7, "body cut in half, Content-Length lies", Behaviour.short()),
            _fault(11, "HTML under status 200", Behaviour.http(200)),
            _fault(12, "HTTP 500", Behaviour.http(500)),
            _fault(13, "HTTP 502", Behaviour.http(502)),
            _fault(14, "HTTP 429", Behaviour.http(429)),
            _fault(15, "HTTP 302 to /elsewhere", Behaviour.redirect()),
            _fault(16, "empty body", Behaviour.empty()),
            _fault(17, "HTTP 503", Behaviour.http(503)),
            _fault(18, "HTTP 504", Behaviour.http(504)),
            _fault(21, "XML that is not well-formed", Behaviour.broken_xml()),
            _fault(22, "a JSON array", Behaviour.json_array()),
            _fault(23, "code is true", Behaviour.code_as(True)),
            _fault(24, "code is 2.0", Behaviour.code_as(2.0)),
            _fault(25, 'code is " 2 "', Behaviour.code_as(" 2 ")),
            _fault(26, "code 2, smsid 0", Behaviour.smsid_as("0")),
            _fault(27, "code 2, smsid missing", Behaviour.smsid_as(None)),
            _fault(28, "code 2, smsid empty", Behaviour.smsid_as("")),
            _fault(29, "code 406 with a serial number", Behaviour.refusal_with_smsid(406)),
            _fault(30, "gzip bomb (32 MiB)", Behaviour.gzip_bomb()),
            _fault(31, "body above 64 KiB", Behaviour.oversized()),
            _fault(32, "XML in GBK", Behaviour.gbk()),
            _fault(33, "XML with a DTD and an entity", Behaviour.dtd()),
            _fault(34, "XML under a wrong root", Behaviour.wrong_root()),
            _fault(35, "401 as XML, whatever was asked for", Behaviour.xml_refusal(401)),
            _fault(36, 'code is the string "2" (a good answer)', Behaviour.code_as("2")),
            _fault(41, "receipt 3 s late", Behaviour.receive("late", Receipt(delay=3.0))),
            _fault(42, "receipt twice", Behaviour.receive("twice", Receipt(), Receipt())),
            _fault(43, "receipt before the answer", Behaviour.receive("early", Receipt(early=True))),
            _fault(
                44,
                "receipts out of order: failed, then delivered",
                Behaviour.receive("out of order", Receipt(code=0), Receipt()),
            ),
            _fault(45, "receipt says failed (code 0)", Behaviour.receive("failed", Receipt(code=0))),
            _fault(
                46,
                "receipt names another number",
                Behaviour.receive("wrong number", Receipt(mobile=other_number)),
            ),
            _fault(
                47,
                "receipt names an unknown smsid",
                Behaviour.receive("unknown smsid", Receipt(smsid=UNKNOWN_SMSID)),
            ),
            _fault(48, "no receipt", Behaviour.receive("no receipt")),
        ]
    )
)
"""The faults by NNNN."""


def behaviour_for(mobile: str) -> Behaviour | None:
    """What this number asks for; None for an ordinary number."""
    if match := _CODE.fullmatch(mobile):
        code = int(match[1])
        return Behaviour.normal() if code == 2 else Behaviour.code(code)
    if match := _FAULT.fullmatch(mobile):
        behaviour = _by_place(int(match[2]))
        return behaviour.unaccepted() if behaviour and match[1] == "1" else behaviour
    return None


def _by_place(place: int) -> Behaviour | None:
    if place in FAULTS:
        return FAULTS[place].behaviour
    if 1000 <= place <= 1999:
        return Behaviour.delay(place - 1000)
    if 2000 <= place <= 2999:
        return Behaviour.slow_answer(place - 2000)
    return None
