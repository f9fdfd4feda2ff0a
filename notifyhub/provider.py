"""Moved to notifyhub.providers: import from there (this file goes away today)."""

from notifyhub.providers import *  # noqa: F403
