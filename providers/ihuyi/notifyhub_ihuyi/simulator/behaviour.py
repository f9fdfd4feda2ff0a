"""What the gateway does with one message: a `Behaviour`, asked for by number or in a script.

A behaviour is looked up once the account, the password and the clock have been found right, and (but for
`Behaviour.normal`) replaces every check after that: what is asked for is what happens.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

from . import faults
from .replies import Answer, Draft, Manner, render

__all__ = ["DELIVERED", "Behaviour", "Receipt", "other_number"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One delivery receipt to push for an accepted message."""

    code: int = 2
    """2 is delivered, anything else (0 too) is failed."""
    delay: float | None = None
    """Seconds after the one before, or after the acceptance; None is the gateway's `receipt_delay`."""
    early: bool = False
    """Pushed before the submission is answered."""
    mobile: Callable[[str], str] | None = field(default=None, repr=False)
    """Makes another number of the true one."""
    smsid: str | None = None
    """Another serial number than the true one."""


DELIVERED = (Receipt(),)


def other_number(mobile: str) -> str:
    """The number whose last digit is one higher."""
    return mobile[:-1] + str((int(mobile[-1]) + 1) % 10) if mobile[-1:].isdecimal() else mobile + "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What becomes of one message and how it is answered. Build one with the class methods."""

    name: str
    says: int = 2
    """The code that the answer says before `paint` spoils it."""
    accepted: bool = True
    """Whether the message is recorded, paid for, and followed by `receipts`."""
    checked: bool = False
    """Whether the gateway's remaining checks decide instead of `says` and `accepted`."""
    wait_before: float = 0.0
    """Seconds before the message is accepted or refused."""
    wait_after: float = 0.0
    """Seconds between that and the answer."""
    paint: Callable[[Draft], Answer] = field(default=render, repr=False)
    receipts: tuple[Receipt, ...] = DELIVERED

    def unaccepted(self) -> Self:
        """The same on the wire, but nothing was accepted: the other world behind an unclear answer."""
        return replace(self, name=f"{self.name}, unaccepted", accepted=False, checked=False)

    @classmethod
    def normal(cls) -> Self:
        """What the gateway does anyway: check everything, then accept or refuse."""
        return cls(name="normal", checked=True)

    @classmethod
    def accept(cls) -> Self:
        """Accept, whatever the balance, the limits and the templates say."""
        return cls(name="accept")

    @classmethod
    def code(cls, code: int) -> Self:
        """Answer any code; only 2 accepts the message."""
        return cls(name=f"code {code}", says=code, accepted=code == 2)

    @classmethod
    def delay(cls, seconds: float) -> Self:
        """Wait, then accept and answer; the message is accepted even if the client has gone by then."""
        return cls(name=f"delay {seconds:g}", wait_before=seconds)

    @classmethod
    def slow_answer(cls, seconds: float) -> Self:
        """Accept at once, answer later."""
        return cls(name=f"slow answer {seconds:g}", wait_after=seconds)

    @classmethod
    def painted(cls, name: str, paint: Callable[[Draft], Answer]) -> Self:
        """Accept, and answer whatever `paint` makes of the right answer."""
        return cls(name=name, paint=paint)

    @classmethod
    def silence(cls) -> Self:
        """Accept and never answer."""
        return cls.painted("silence", faults.nothing(Manner.SILENCE))

    @classmethod
    def reset(cls) -> Self:
        """Accept, then a TCP reset instead of an answer."""
        return cls.painted("reset", faults.nothing(Manner.RESET))

    @classmethod
    def close(cls) -> Self:
        """Accept, then close the connection without an answer."""
        return cls.painted("close", faults.nothing(Manner.CLOSE))

    @classmethod
    def drip(cls, interval: float = 0.2) -> Self:
        """Accept and answer a byte every `interval` seconds."""
        return cls.painted("drip", faults.drip(interval))

    @classmethod
    def truncated(cls) -> Self:
        """Accept; half a body, and a Content-Length that agrees with it."""
        return cls.painted("truncated", faults.truncated)

    @classmethod
    def short(cls) -> Self:
        """Accept; half a body under the Content-Length of the whole."""
        return cls.painted("short", faults.short)

    @classmethod
    def http(cls, status: int) -> Self:
        """Accept, and answer an HTML page under this status (200 is a page where an answer should be)."""
        return cls.painted(f"http {status}", faults.http_status(status))

    @classmethod
    def redirect(cls, location: str = "/elsewhere") -> Self:
        """Accept, and send the client elsewhere with 302; whoever follows shows up in `requests`."""
        return cls.painted("redirect", faults.redirect(location))

    @classmethod
    def empty(cls) -> Self:
        """Accept; 200 without a body."""
        return cls.painted("empty", faults.empty)

    @classmethod
    def broken_xml(cls) -> Self:
        """Accept; XML that is not well-formed, whatever format was asked for."""
        return cls.painted("broken xml", faults.broken_xml)

    @classmethod
    def json_array(cls) -> Self:
        """Accept; a JSON array, whatever format was asked for."""
        return cls.painted("json array", faults.json_array)

    @classmethod
    def code_as(cls, value: object) -> Self:
        """Accept, with the code 2 written as `value`: ``True``, ``2.0``, ``" 2 "``, ``"2"``."""
        return cls.painted(f"code as {value!r}", faults.code_as(value))

    @classmethod
    def smsid_as(cls, value: object | None) -> Self:
        """Accept, with another serial number in the answer; None leaves it out."""
        return cls.painted(f"smsid as {value!r}", faults.value_as(value))

    @classmethod
    def refusal_with_smsid(cls, code: int = 406) -> Self:
        """Accept, and answer a refusal that carries a serial number."""
        return cls.painted(f"code {code} with smsid", faults.refusal_with_value(code))

    @classmethod
    def gzip_bomb(cls, size: int = 32 * 1024 * 1024) -> Self:
        """Accept; a gzip body that unpacks to `size` bytes and the answer."""
        return cls.painted("gzip bomb", faults.gzip_bomb(size))

    @classmethod
    def oversized(cls, size: int = 80 * 1024) -> Self:
        """Accept; a well-formed answer longer than `size` bytes."""
        return cls.painted("oversized", faults.oversized(size))

    @classmethod
    def gbk(cls) -> Self:
        """Accept; XML declared and written in GBK."""
        return cls.painted("gbk", faults.gbk)

    @classmethod
    def dtd(cls) -> Self:
        """Accept; XML with a DTD and an entity."""
        return cls.painted("dtd", faults.dtd)

    @classmethod
    def wrong_root(cls) -> Self:
        """Accept; XML under a root that does not belong to the method."""
        return cls.painted("wrong root", faults.wrong_root)

    @classmethod
    def xml_refusal(cls, code: int = 401) -> Self:
        """Refuse, in XML also where JSON was asked for."""
        return cls(name=f"code {code} as xml", says=code, accepted=False, paint=faults.as_xml)

    @classmethod
    def receive(cls, name: str, *receipts: Receipt) -> Self:
        """Accept and answer rightly; push these receipts, in this order, instead of the usual one."""
        return cls(name=name, receipts=receipts)
