"""Logs: one JSON object a line, and never the reason that the service ends."""

import io
import json
import subprocess
import sys

import pytest
import structlog

from quake_stream import log


@pytest.fixture(autouse=True)
def _restore():
    yield
    structlog.reset_defaults()


def test_a_line_is_one_json_object_with_event_level_time_and_keys(monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    stream = io.StringIO()
    log.configure("info", "json", stream)
    structlog.get_logger().info("seedlink.lost", server="a:18000", retry_in_s=1.5)
    structlog.get_logger().debug("not.shown")
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {"event": "seedlink.lost", "level": "info", "server": "a:18000", "retry_in_s": 1.5}


@pytest.mark.parametrize(("level", "priority"), [("debug", 7), ("info", 6), ("warning", 4), ("error", 3)])
def test_under_journald_a_line_carries_its_priority_and_no_time(monkeypatch, level, priority):
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    stream = io.StringIO()
    log.configure("debug", "auto", stream)
    getattr(structlog.get_logger(), level)("x.happened")
    line = stream.getvalue()
    assert line.startswith(f"<{priority}>{{")
    assert "timestamp" not in json.loads(line[3:])


def test_an_exception_becomes_part_of_its_line(monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    stream = io.StringIO()
    log.configure("info", "json", stream)
    try:
        int("broken")
    except ValueError:
        structlog.get_logger().exception("x.failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]


def test_a_closed_standard_error_does_not_end_the_program():
    code = (
        "import os, structlog; from quake_stream import log; log.configure('info', 'json'); os.close(2);"
        "structlog.get_logger().info('x.happened'); print('alive')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "alive\n"
