"""What the operator says about one account with the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from notifyhub.http import check_base_url

__all__ = ["IhuyiBinding", "IhuyiSettings"]


class IhuyiBinding(BaseModel):
    """One notice that is sent in template mode.

    template_id: the vendor's, `1` for the test template. slots: the variables that fill it, in order;
    left out, those of the notice's own binding.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    template_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    slots: tuple[str, ...] = ()


class IhuyiSettings(BaseModel):
    """Settings of a domestic SMS account (`type = "ihuyi"`).

    account: APIID (`C` and 8 digits; older ones `cf_…`). api_key: APIKEY, 32 hex digits.
    signing: `dynamic` signs each attempt with the time, `static` sends the key itself.
    format: of the replies; whatever is asked for, both are understood.
    base_url: scheme, host and port; https, or http to this machine (the simulator).
    timeout: seconds one attempt may take in all.
    max_length: characters of text; 300 in the manual of 2018, 500 in the web manual.
    price_per_part: what one message part costs, in the account's currency, for estimates.
    signature: 签名 that the platform adds before each text, without 【】; only to count parts. The default
        is the vendor's test signature.
    per_second, codes_per_day, same_text_per_minute, same_text_per_day: how many messages (codes, identical
        texts) a number gets at most, as the account's console says; 0 where it says nothing. Kept where
        `[policies]` has `vendor_limits = true`; see `limits.py`.
    bindings: by notice name; `"login/code" = "1"` is short for `{template_id = "1"}`.

    Raises pydantic's ValidationError, and SettingsError for a `base_url` that cannot be used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    account: str = Field(min_length=1, max_length=64, description="APIID")
    api_key: SecretStr = Field(min_length=1, max_length=256, description="APIKEY")
    signing: Literal["dynamic", "static"] = "dynamic"
    format: Literal["json", "xml"] = "json"
    base_url: str = Field(default="https://106.ihuyi.com", description="https, or http to this machine")
    timeout: float = Field(
        default=10.0, gt=0, le=300, allow_inf_nan=False, description="seconds for one attempt in all"
    )
    max_length: int = Field(default=500, ge=1, le=5000, description="characters of text")
    price_per_part: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="for estimates")
    signature: str = Field(
        default="互亿无线", min_length=2, max_length=30, description="签名, without 【】; only to count parts"
    )
    per_second: int = Field(default=1, ge=0, description="messages to a number in a second; 0: any number")
    codes_per_day: int = Field(default=5, ge=0, description="codes to a number in a day; 0: any number")
    same_text_per_minute: int = Field(default=2, ge=0, description="identical texts to a number in a minute")
    same_text_per_day: int = Field(default=20, ge=0, description="identical texts to a number in a day")
    bindings: Mapping[str, IhuyiBinding] = Field(
        default={}, description="notices sent in template mode: their template ids"
    )

    @field_validator("account")
    @classmethod
    def _account_is_one_word(cls, account: str) -> str:
        if not _one_word(account):
            raise ValueError("holds a space or an invisible character; copy the APIID again")
        return account

    @field_validator("api_key")
    @classmethod
    def _key_is_one_word(cls, api_key: SecretStr) -> SecretStr:
        # A line break copied along with the key is the commonest cause of a code 405.
        if not _one_word(api_key.get_secret_value()):
            raise ValueError("holds a space or an invisible character; copy the APIKEY again")
        return api_key

    @field_validator("base_url")
    @classmethod
    def _safe_base_url(cls, base_url: str) -> str:
        return check_base_url(base_url, "base_url")

    @field_validator("signature")
    @classmethod
    def _signature_without_brackets(cls, signature: str) -> str:
        if "【" in signature or "】" in signature:
            raise ValueError("give the signature without 【】; they are counted")
        return signature

    @field_validator("bindings", mode="before")
    @classmethod
    def _shorthand(cls, bindings: Any) -> Any:
        if not isinstance(bindings, Mapping):
            return bindings
        return {
            notice: {"template_id": binding} if isinstance(binding, str) else binding
            for notice, binding in bindings.items()
        }


def _one_word(text: str) -> bool:
    return text.isprintable() and " " not in text
