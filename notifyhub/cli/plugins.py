"""`notifyhub plugins`: what is installed, where it comes from and what it brings."""

from __future__ import annotations

from notifyhub.cli.options import Config, Json
from notifyhub.cli.output import print_json, print_rows

__all__ = ["plugins"]


def plugins(config: Config = None, as_json: Json = False) -> None:
    """List the plugins, the distributions they come from, and the hooks they implement."""
    from notifyhub.plugins import Plugins
    from notifyhub.settings import load_settings

    settings = load_settings(config)
    found = Plugins(block=settings.plugins.block)
    rows = [
        {
            "plugin": name,
            "from": origin,
            "hooks": [hook.removeprefix("notifyhub_") for hook in found.hooks_of(name)],
        }
        for name, origin in found.origins().items()
    ]
    blocked = sorted(settings.plugins.block)
    if as_json:
        print_json({"plugins": rows, "blocked": blocked})
        return
    lines = [[str(row["plugin"]), str(row["from"]), ", ".join(row["hooks"])] for row in rows]
    print_rows(
        ["plugin", "from", "hooks"], [*lines, *([name, "blocked in the settings", ""] for name in blocked)]
    )
