"""Placeholder until the real one lands (minutes)."""

import logging


class _L:
    def __init__(self, n):
        self._n = logging.getLogger(n)

    def _e(self, lvl, event, **kw):
        if self._n.isEnabledFor(lvl):
            self._n.log(lvl, "%s %s", event, " ".join(f"{k}={v}" for k, v in kw.items()))

    def debug(self, event, **kw):
        self._e(10, event, **kw)

    def info(self, event, **kw):
        self._e(20, event, **kw)

    def warning(self, event, **kw):
        self._e(30, event, **kw)

    def error(self, event, **kw):
        self._e(40, event, **kw)


def get_logger(name="notifyhub"):
    return _L(name)


def protect(value):
    pass
