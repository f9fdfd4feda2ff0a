"""Loggers, the filter of the standard logging, and the set-up for programs."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import time

import pytest
import structlog

from notifyhub.log import RedactionFilter, configure, dropped_events, get_logger, install_redaction, redact

PHONE = "13800138000"


class Broken:
    """Its text cannot be had."""

    def __str__(self):
        raise RuntimeError(PHONE)

    __repr__ = __str__


@pytest.fixture(autouse=True)
def _logging_as_before():
    root = logging.getLogger()
    quiet = [logging.getLogger(name) for name in ("httpx", "httpcore", "aiohttp", "asyncio")]
    places = [root, *root.handlers, *([logging.lastResort] if logging.lastResort else [])]
    before = (root.level, list(root.handlers), [(place, list(place.filters)) for place in places])
    levels = [logger.level for logger in quiet]
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    for place, filters in before[2]:
        place.filters[:] = filters
    for logger, level in zip(quiet, levels, strict=True):
        logger.setLevel(level)
    structlog.reset_defaults()


def lines(stream):
    """The JSON objects written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_event_reaches_standard_logging_redacted(caplog):
    """An event is a record: name and facts as text, the facts themselves beside it."""
    caplog.set_level(logging.INFO, logger="notifyhub")
    log = get_logger("notifyhub.test").bind(delivery="abc")
    log.info("attempt_finished", provider="sms one", to=f"+86{PHONE}", outcome=None, n=3)
    [record] = caplog.records
    assert record.getMessage() == (
        'attempt_finished delivery=abc provider="sms one" to=138****8000 outcome=null n=3'
    )
    assert (record.name, record.levelno) == ("notifyhub.test", logging.INFO)
    assert record.notifyhub_event["provider"] == "sms one"


def test_each_level_has_its_method(caplog):
    """debug, info, warning, error, critical, and exception with its traceback."""
    caplog.set_level(logging.DEBUG, logger="notifyhub")
    log = get_logger()
    for name in ("debug", "info", "warning", "error", "critical"):
        getattr(log, name)(f"a_{name}")
    try:
        raise ValueError(f"call {PHONE} now")
    except ValueError:
        log.exception("failed")
    assert [record.levelname.lower() for record in caplog.records[:5]] == [
        *("debug", "info", "warning", "error", "critical")
    ]
    text = caplog.records[5].getMessage()
    assert text.startswith("failed\nTraceback")
    assert "ValueError: call 138****8000 now" in text


def test_text_cannot_forge_a_line(caplog):
    """A value with a line break or quotes is quoted."""
    caplog.set_level(logging.INFO, logger="notifyhub")
    get_logger().info("e", detail="a\nnotifyhub INFO forged=1", other="=\"'")
    assert "\n" not in caplog.records[0].getMessage()


def test_event_that_cannot_be_redacted_is_dropped(caplog):
    """Neither logged nor raised, but counted."""
    caplog.set_level(logging.INFO, logger="notifyhub")
    before = dropped_events()
    get_logger().info("e", value=Broken())
    assert caplog.records == []
    assert dropped_events() == before + 1


def test_filtered_event_costs_next_to_nothing():
    """An event below the level takes about a microsecond at most."""
    log = get_logger("notifyhub.filtered")
    logging.getLogger("notifyhub.filtered").setLevel(logging.ERROR)
    best = min(_seconds_of_1000(log) for _ in range(20))
    assert best < 2e-3


def _seconds_of_1000(log):
    start = time.perf_counter()
    for _ in range(1000):
        log.info("attempt_finished", delivery="abc", provider="sms", outcome="accepted")
    return time.perf_counter() - start


def test_importing_and_filtered_events_load_no_structlog():
    """A program that logs nothing does not pay for structlog, and prints nothing; nothing global is set."""
    program = (
        "import sys, logging, notifyhub.log as log; log.get_logger().info('e'); log.protect('x' * 9); "
        "log.redact_text('a=b'); print('structlog' in sys.modules, logging.getLogger().handlers); "
        "log.get_logger().error('loud'); import structlog; print(structlog.is_configured())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False []", "False"]
    assert done.stderr == ""


def test_own_chain_is_independent_of_the_applications(caplog):
    """What an application configures of structlog does not change how our events are redacted."""
    caplog.set_level(logging.INFO, logger="notifyhub")
    structlog.configure(processors=[], logger_factory=structlog.PrintLoggerFactory())
    get_logger("notifyhub.own").info("e", to=PHONE)
    assert caplog.records[0].getMessage() == "e to=138****8000"


def test_processor_works_in_an_applications_chain():
    """`redact` before the renderer redacts the application's own events."""
    out = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=[redact, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.BoundLogger,
    )
    log.info("paid", phone=PHONE, password="hunter2", order="2026110513800138000")
    log.info("broken", value=Broken())
    assert lines(out) == [
        {"event": "paid", "phone": "138****8000", "password": "[redacted]", "order": "2026110513800138000"}
    ]


def test_processor_works_in_a_processor_formatter():
    """It can stand in ProcessorFormatter's chains, for foreign records too."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                redact,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ]
        )
    )
    logger = logging.Logger("foreign")
    logger.addHandler(handler)
    logger.warning("call %s", PHONE)
    assert lines(out) == [{"event": "call 138****8000"}]


def handled(*filters):
    """A logger with a handler that writes to a stream, and the stream."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    for one in filters:
        handler.addFilter(one)
    logger = logging.Logger("httpx")
    logger.addHandler(handler)
    return logger, out


def test_filter_redacts_message_arguments_exception_and_extra():
    """Everything a formatter may print passes through the filter, once or twice alike."""
    logger, out = handled(RedactionFilter(), RedactionFilter())
    logger.handlers[0].setFormatter(logging.Formatter("%(message)s %(mobile)s %(note)s"))
    try:
        raise ValueError(f"for {PHONE} it failed")
    except ValueError:
        logger.exception(
            "POST %s %s", "https://h/?password=hunter2", PHONE, extra={"mobile": PHONE, "note": f"n {PHONE}"}
        )
    text = out.getvalue()
    assert text.startswith(
        "POST https://h/?password=[redacted] 138****8000 138****8000 n 138****8000\nTraceback"
    )
    assert "ValueError: for 138****8000 it failed" in text
    assert "hunter2\n" not in text


def test_filter_drops_what_it_cannot_redact():
    """A record whose arguments cannot be rendered is dropped and counted."""
    logger, out = handled(RedactionFilter())
    before = dropped_events()
    logger.warning("%s", Broken())
    logger.warning("%d %d", PHONE)
    assert out.getvalue() == ""
    assert dropped_events() == before + 2


def test_filter_cannot_be_talked_out_of_it():
    """An `extra` that looks like a mark of ours does not stop redaction."""
    logger, out = handled(RedactionFilter())
    logger.warning("call %s", PHONE, extra={"_notifyhub_redacted": True, "notifyhub_event": {"a": PHONE}})
    assert PHONE not in out.getvalue()


def test_install_redaction_covers_what_children_pass_up():
    """Records of child loggers pass the root's handlers only: that is where the filter has to be."""
    root = logging.getLogger()
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root.addHandler(handler)
    install_redaction()
    install_redaction()
    logging.getLogger("some.library").warning("call %s", PHONE)
    root.warning("call %s", PHONE)
    assert out.getvalue() == "call 138****8000\n" * 2
    assert sum(isinstance(one, RedactionFilter) for one in handler.filters) == 1


def test_configure_writes_json_lines():
    """A JSON object a line: our facts, foreign messages and structlog's own events alike redacted."""
    out = io.StringIO()
    configure(json=True, level="INFO", stream=out)
    get_logger("notifyhub.x").info("e", to=PHONE, n=1)
    get_logger("notifyhub.x").debug("unseen")
    logging.getLogger("foreign").warning("call %s", PHONE)
    logging.getLogger("httpx").info("HTTP Request: POST https://h/?a=b")
    structlog.get_logger("own").info("mine", phone=PHONE, n=2)
    try:
        raise ValueError(f"{PHONE} failed")
    except ValueError:
        get_logger("notifyhub.x").exception("bad")
        logging.getLogger("foreign").exception("worse")
    found = lines(out)
    assert [line["event"] for line in found] == ["e", "call 138****8000", "mine", "bad", "worse"]
    assert found[0] | {"timestamp": ""} == {
        "timestamp": "",
        "level": "info",
        "event": "e",
        "logger": "notifyhub.x",
        "to": "138****8000",
        "n": 1,
    }
    assert found[0]["timestamp"].endswith("+00:00")
    assert found[2]["n"] == 2
    assert all("ValueError: 138****8000 failed" in line["exception"] for line in found[3:])


def test_configure_writes_lines_for_people():
    """Plain lines without colours where the stream is no terminal, tracebacks below them."""
    out = io.StringIO()
    configure(level="DEBUG", stream=out)
    get_logger("notifyhub.x").debug("e", to=PHONE)
    try:
        raise ValueError(f"{PHONE} failed")
    except ValueError:
        get_logger("notifyhub.x").exception("bad")
    text = out.getvalue()
    assert "to=138****8000" in text
    assert "ValueError: 138****8000 failed" in text
    assert "\x1b" not in text


def test_configure_again_replaces_the_former():
    """Two set-ups do not write each line twice."""
    first, second = io.StringIO(), io.StringIO()
    configure(json=True, level="INFO", stream=first)
    configure(json=True, level="WARNING", stream=second)
    get_logger().warning("e")
    get_logger().info("unseen")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1
    with pytest.raises(ValueError, match="level"):
        configure(level="LOUD")


def test_configure_writes_to_standard_error(capsys):
    """Standard output is for results."""
    configure(json=True, level="INFO")
    get_logger().info("e")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["event"] == "e"
