"""Logs: one JSON object a line, and never the reason that the service ends."""

import io
import json
import os
import socket
import subprocess
import sys
from functools import partial

import pytest
import structlog

from quake_stream import log
from quake_stream.log_stream import JournalStream


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


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"instrument": "CX.PB01.--.HH"}, b"QS_STATION=CX.PB01\n"),
        ({"station": "CX.PB01"}, b"QS_STATION=CX.PB01\n"),
        ({"server": "a:18000"}, b""),
        ({"station": "CX.PB01\nPRIORITY=0"}, b""),
        ({"station": "CX.\udc80"}, b""),
    ],
)
def test_journald_itself_is_told_priority_and_station_as_fields(monkeypatch, tmp_path, facts, field):
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald,
        (tmp_path / "stderr").open("w") as stream,
    ):
        journald.bind(str(tmp_path / "socket"))
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        monkeypatch.setattr(log, "JournalStream", partial(JournalStream, address=str(tmp_path / "socket")))
        log.configure("info", "auto", stream)
        structlog.get_logger().warning("x.happened", **facts)
        fields, _, line = journald.recv(4096).partition(b"MESSAGE=")
    assert fields == b"PRIORITY=4\nSYSLOG_IDENTIFIER=quake-stream\n" + field
    assert json.loads(line) == {"event": "x.happened", "level": "warning"} | facts


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


@pytest.mark.fault(45)
@pytest.mark.parametrize(
    "facts",
    [
        {"reasons": [f"station {n} is stale" for n in range(5000)]},
        {"counts": {f"packets.refused.{n}": n for n in range(5000)}},
        {"error": "\N{EARTH GLOBE AMERICAS}" * 5000},
        {"nested": {"a": [["x" * 500] * 50] * 50}},
        {f"key_{n}": "v" * 200 for n in range(500)},
        {f"key_{n:03}" + "k" * 50: n for n in range(500)},
    ],
    ids=["list", "mapping", "text", "nested", "values", "keys"],
)
@pytest.mark.parametrize("journald", [False, True])
def test_a_line_is_never_longer_than_journald_keeps_whole(monkeypatch, facts, journald):
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    if not journald:
        monkeypatch.delenv("JOURNAL_STREAM")
    stream = io.StringIO()
    log.configure("info", "json", stream)
    structlog.get_logger().error("x.failed", **facts)
    (line,) = stream.getvalue().splitlines(keepends=True)
    assert len(line.encode()) <= log.MAX_LINE_BYTES
    entry = json.loads(line.removeprefix("<3>"))
    assert entry["level"] == "error"
    assert entry["event"] in {"x.failed", "log.line_too_long"}


def test_of_what_is_too_long_the_beginning_stays_and_it_says_how_much_is_missing(monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    stream = io.StringIO()
    log.configure("info", "json", stream)
    problems = [f"line {n}: wrong" for n in range(1000)]
    structlog.get_logger().warning("service.reload_refused", problems=problems, n=1000, is_on=True, none=None)
    entry = json.loads(stream.getvalue())
    assert entry["problems"][:3] == problems[:3]
    assert entry["problems"][-1] == "... 900 more"
    assert (entry["n"], entry["is_on"], entry["none"]) == (1000, True, None)


def test_of_a_long_traceback_both_ends_stay(monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    stream = io.StringIO()
    log.configure("info", "json", stream)

    def even(depth):
        odd(depth - 1)

    def odd(depth):  # two that call each other, so that the traceback does not fold them
        if depth < 0:
            raise ValueError("the bottom")
        even(depth - 1)

    try:
        even(200)
    except ValueError:
        structlog.get_logger().exception("x.failed")
    (line,) = stream.getvalue().splitlines()
    assert len(line) < log.MAX_LINE_BYTES
    text = json.loads(line)["exception"]
    assert text.startswith("Traceback")
    assert text.endswith("ValueError: the bottom")


def test_how_many_lines_were_lost_is_said_in_the_next_one(monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)

    class Full(io.StringIO):
        is_full = True

        def write(self, text):
            if self.is_full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    stream = Full()
    log.configure("info", "json", stream)
    for _ in range(3):
        structlog.get_logger().info("x.happened")
    stream.is_full = False
    for _ in range(2):
        structlog.get_logger().info("x.happened")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["n_lines_lost"] == 3
    assert "n_lines_lost" not in second


@pytest.mark.fault(46)
def test_a_closed_standard_error_does_not_end_the_program():
    code = (
        "import os, structlog; from quake_stream import log; log.configure('info', 'json'); os.close(2);"
        "structlog.get_logger().info('x.happened'); print('alive')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "alive\n"


@pytest.mark.fault(46)
def test_a_reader_that_left_does_not_spoil_the_exit_status():
    code = (
        "import structlog; from quake_stream import log; log.configure('info', 'json'); input();"
        "structlog.get_logger().info('x.happened')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        program.stderr.close()
        program.stdin.write("\n")
        program.stdin.close()
        assert program.wait(60) == 0
