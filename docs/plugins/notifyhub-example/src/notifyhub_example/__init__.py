"""Carrier pigeons for notifyhub: a whole provider, in one file.

    [providers.birds]
    type = "pigeon"
    token = "env:PIGEON_TOKEN"

The vendor (invented) takes `POST /v1/flights {"to": "+86…", "note": "…"}` with a bearer token, and answers
201 `{"flight": "F-1"}`, or 4xx `{"error": "out-of-grain", "message": "…"}`.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from notifyhub import Capabilities, Message, Outcome, ProviderType, Reason, hookimpl
from notifyhub.http import HttpClient, HttpReply, check_base_url
from notifyhub.providers import VendorCode, refuse_unsupported

__all__ = ["PigeonProvider", "PigeonSettings", "notifyhub_provider_types"]

# The vendor's codes and what they mean in notifyhub's words; retry and failover follow from the reason.
CODES = (
    VendorCode(code="bad-token", meaning="the token is wrong", reason=Reason.CREDENTIALS),
    VendorCode(code="out-of-grain", meaning="the account is empty", reason=Reason.BALANCE),
    VendorCode(code="no-such-loft", meaning="nobody lives there", reason=Reason.INVALID_RECIPIENT),
    VendorCode(code="hawk-words", meaning="the note frightens the birds", reason=Reason.CONTENT_REFUSED),
)
_REASONS = {row.code: row.reason for row in CODES}


class PigeonSettings(BaseModel):
    """Frozen, closed, and quoting nothing: an operator's typing error must not print the token."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(min_length=1)
    base_url: str = "https://api.pigeons.example"
    timeout: float = Field(default=10.0, gt=0, le=300)

    @field_validator("base_url")
    @classmethod
    def _safe(cls, base_url: str) -> str:
        return check_base_url(base_url, "base_url")


class PigeonProvider:
    """One account with the pigeon post."""

    type_name = "pigeon"
    capabilities = Capabilities(channels=frozenset({"sms"}), max_length=140)

    def __init__(self, name: str, settings: PigeonSettings) -> None:
        self.name = name
        self._settings = settings
        self._http = HttpClient(timeout=settings.timeout)

    async def send(self, message: Message) -> Outcome:
        refusal = refuse_unsupported(message, self.capabilities)
        if refusal is not None:
            return refusal
        reply = await self._http.post(
            f"{self._settings.base_url}/v1/flights",
            json={"to": message.to, "note": message.text},
            headers={"authorization": f"Bearer {self._settings.token.get_secret_value()}"},
        )
        # A fault is an Outcome already: NOT_SENT with proof, else UNKNOWN.
        return reply if isinstance(reply, Outcome) else _read(reply)

    async def aclose(self) -> None:
        await self._http.aclose()


def _read(reply: HttpReply) -> Outcome:
    try:
        body: Any = json.loads(reply.body)
    except (ValueError, RecursionError):
        body = None
    fields = body if isinstance(body, dict) else {}
    flight, error = fields.get("flight"), fields.get("error")
    if reply.status == 201 and isinstance(flight, str) and flight:
        return Outcome.accepted(flight)
    if 400 <= reply.status < 500 and isinstance(error, str) and error in _REASONS:
        # Not the vendor's `message`: it may quote the note, and outcomes are logged.
        return Outcome.refused(_REASONS[error] or Reason.UNRECOGNISED_CODE, code=error)
    return Outcome.unknown(Reason.MALFORMED_REPLY, detail=f"HTTP {reply.status}")


@hookimpl
def notifyhub_provider_types() -> list[ProviderType]:
    return [
        ProviderType(
            name="pigeon",
            channels=PigeonProvider.capabilities.channels,
            settings=PigeonSettings,
            build=PigeonProvider,
            summary="Carrier pigeons (an example)",
            codes=CODES,
        )
    ]
