"""Logging: structlog as a library uses it, and redaction of what must not be written down.

    _log = get_logger("notifyhub.delivery")
    _log.info("attempt_finished", delivery=delivery.id, provider="sms", outcome="accepted")

Importing notifyhub configures nothing: events go through the standard `logging` (logger `notifyhub` and
its children, with a NullHandler), redacted before they get there. `configure` is for programs; notifyhub's
own command line calls it.

An application protects what *other* libraries log by `install_redaction()` (standard logging), or by
putting `redact` into its own structlog chain. Importing this package does not import structlog; the first
event that is really logged does.
"""

from notifyhub.log.logger import EventLogger, get_logger
from notifyhub.log.output import configure
from notifyhub.log.redaction import dropped_events, protect, redact, redact_text
from notifyhub.log.standard import RedactionFilter, install_redaction

__all__ = [
    "EventLogger",
    "RedactionFilter",
    "configure",
    "dropped_events",
    "get_logger",
    "install_redaction",
    "protect",
    "redact",
    "redact_text",
]
