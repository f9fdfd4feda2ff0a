"""互亿无线 (ihuyi) for notifyhub: domestic SMS (短信验证码/通知), receipts, replies, balance, templates.

Importing this package costs only pluggy: settings, codes and the provider load when a hub asks for
them.

    [providers.sms]
    type = "ihuyi"
    account = "C00000001"       # APIID
    api_key = "…"               # APIKEY
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from notifyhub.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from notifyhub.hub import Hub
    from notifyhub.providers import Provider, ProviderType
    from notifyhub.simulation import Beat, Simulation
    from notifyhub_ihuyi.settings import IhuyiSettings

__all__ = ["notifyhub_provider_types"]


def _build(name: str, settings: IhuyiSettings) -> Provider:
    # The HTTP client is the heavy part; listing types must not pay for it.
    from notifyhub_ihuyi.provider import IhuyiProvider

    return IhuyiProvider(name, settings)


def _simulate(*, port: int, push_to: str | None) -> AbstractAsyncContextManager[Simulation]:
    from notifyhub_ihuyi.simulation import simulate

    return simulate(port=port, push_to=push_to)


def _demo(hub: type[Hub]) -> AsyncIterator[Beat]:
    from notifyhub_ihuyi.demo import demo

    return demo(hub)


@hookimpl
def notifyhub_provider_types() -> list[ProviderType]:
    """The one type this plugin brings: `ihuyi`."""
    from notifyhub.message import SMS
    from notifyhub.providers import ProviderType
    from notifyhub_ihuyi.codes import CODES
    from notifyhub_ihuyi.settings import IhuyiSettings

    return [
        ProviderType(
            name="ihuyi",
            channels=frozenset({SMS}),
            settings=IhuyiSettings,
            build=_build,
            summary="互亿无线 (ihuyi): SMS to mainland Chinese mobiles",
            codes=CODES,
            simulator=_simulate,
            demo=_demo,
        )
    ]
