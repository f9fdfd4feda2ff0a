"""The gateway's accounts: whose key, from where, and whether a password is right (API manual v3.3)."""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping

__all__ = ["DEMO_ACCOUNT", "DEMO_API_KEY", "Accounts", "md5_hex"]

DEMO_ACCOUNT = "C00000001"
"""The account a simulator has when none is given. Invented."""
DEMO_API_KEY = "k3yA0000000000000000000000000001"
"""Its key. Invented."""

_TIME = re.compile(r"[0-9]{10}")


def md5_hex(text: str) -> str:
    """Lower-case hex MD5 of the UTF-8 bytes: the vendor's choice, not ours."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())


class Accounts:
    """Keys by APIID, and the checks that come first; each returns None or the code that refuses."""

    def __init__(
        self,
        keys: Mapping[str, str],
        *,
        clock: Callable[[], float],
        clock_window: float,
        unknown_code: int,
        frozen: Collection[str],
        blocked_ips: Collection[str],
        bound_ips: Mapping[str, Collection[str]],
    ) -> None:
        self._keys = dict(keys)
        self._clock = clock
        self._window = clock_window
        self._unknown_code = unknown_code
        self._frozen = frozenset(frozen)
        self._blocked_ips = frozenset(blocked_ips)
        self._bound_ips = {account: frozenset(ips) for account, ips in bound_ips.items()}

    def refuse_submit(self, fields: Mapping[str, str], client: str) -> int | None:
        """Submit: the dynamic password is md5(APIID + APIKEY + mobile + content + time)."""
        signed = fields.get("mobile", "") + fields.get("content", "") + fields.get("time", "")
        needed = {"account": 401, "password": 402, "mobile": 403, "content": 404}
        return self._refuse(fields, client, needed, signed)

    def refuse_balance(self, fields: Mapping[str, str], client: str) -> int | None:
        """GetNum: the dynamic password is md5(APIID + APIKEY + time)."""
        return self._refuse(fields, client, {"account": 401, "password": 402}, fields.get("time", ""))

    def refuse_template(self, fields: Mapping[str, str], client: str) -> int | None:
        """AddTemplate: the password is the key or md5(key); a `time` has no meaning here."""
        refused = self._refuse_caller(fields, client, {"account": 401, "password": 402, "content": 404})
        if refused is not None:
            return refused
        key, password = self._keys[fields["account"]], fields["password"]
        return None if _same(password, key) or _same(password, md5_hex(key)) else 405

    def _refuse(
        self, fields: Mapping[str, str], client: str, needed: Mapping[str, int], signed: str
    ) -> int | None:
        refused = self._refuse_caller(fields, client, needed)
        if refused is not None:
            return refused
        account, password = fields["account"], fields["password"]
        key = self._keys[account]
        if not fields.get("time"):
            return None if _same(password, key) else 405
        if not _same(password, md5_hex(account + key + signed)):
            return 40502
        time = fields["time"]
        if _TIME.fullmatch(time) is None or abs(self._clock() - int(time)) > self._window:
            return 40501
        return None

    def _refuse_caller(self, fields: Mapping[str, str], client: str, needed: Mapping[str, int]) -> int | None:
        """Who calls, from where, and is anything empty: everything that needs no cryptography."""
        if client in self._blocked_ips:
            return 400
        for name, code in needed.items():
            if not fields.get(name):
                return code
        account = fields["account"]
        if account not in self._keys:
            return self._unknown_code
        if account in self._frozen:
            return 4050
        if account in self._bound_ips and client not in self._bound_ips[account]:
            return 4052
        return None
