"""`notifyhub ledger migrate`: makes the tables, or brings them up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from notifyhub.cli.ledger.tables import opened_tables
from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json

__all__ = ["migrate"]


def migrate(config: Config = None, as_json: Json = False) -> None:
    """Make the ledger's tables or bring them up to date, and those of the dispatch engine.

    Harmless when there is nothing to do, and for two at once. The tables may lie in the application's
    own database.
    """
    where, version, done, engine = asyncio.run(_migrate(config))
    if as_json:
        print_json({"where": where, "version": version, "migrated": list(done), "engine": engine})
        return
    for name in done:
        print(f"migrated: {name}")
    if engine is not None:
        print(f"the tables of {engine} are up to date")
    print(f"{where}: version {version}, up to date")


async def _migrate(config: Path | None) -> tuple[str, int, Sequence[str], str | None]:
    """Where, the version now, what was done, and the engine that has tables of its own."""
    from notifyhub.plugins import Plugins
    from notifyhub.registry import dispatch_context, dispatcher_type
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    engine = dispatcher_type(settings, Plugins(block=settings.plugins.block).dispatcher_types())
    context = dispatch_context(settings)
    async with opened_tables(settings) as tables:
        await engine.build(context).aclose()  # one that cannot work with this ledger says so first
        done = await tables.migrate()
        version = (await tables.status()).current
    if engine.migrate is not None:
        await engine.migrate(context)
    return tables.where, version, done, None if engine.migrate is None else engine.name
