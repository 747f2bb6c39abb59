"""Failures of the model are told at once, and rarely."""

import json

import pytest
import structlog

from quake_stream.failure_log import FailureLog
from quake_stream.source_id import SourceId


def instrument(n):
    return SourceId.from_nslc(f"XX.S{n}..HHZ").instrument


@pytest.fixture
def told():
    """Note failures at a time; returns the lines logged."""
    now_s = 0.0
    failures = FailureLog(now_s=lambda: now_s)

    def tell(instruments, at_s, error="RuntimeError: bad row"):
        nonlocal now_s
        now_s = at_s
        with structlog.testing.capture_logs() as lines:
            failures.note(instruments, error)
        return lines

    return tell


@pytest.mark.fault(25)
def test_the_first_failure_names_the_instruments(told):
    (line,) = told([instrument(1), instrument(1), instrument(2)], 0)
    assert line == {
        "event": "inference.failed",
        "log_level": "error",
        "error": "RuntimeError: bad row",
        "instruments": ["XX.S1.--.HH", "XX.S2.--.HH"],
        "n_instruments": 2,
        "n_windows": 3,
    }


def test_an_instrument_is_told_once_an_hour_with_what_came_meanwhile(told):
    lines = [line for second in range(7200) for line in told([instrument(1)], second)]
    assert [line["n_windows"] for line in lines] == [1, 3600]


def test_another_instrument_is_told_at_once(told):
    told([instrument(1)], 0)
    (line,) = told([instrument(1), instrument(2)], 1)
    assert line["instruments"] == ["XX.S2.--.HH"]


def test_a_batch_whose_windows_could_all_be_scored_is_told_like_the_others(told):
    (line,) = told([], 0)
    assert (line["instruments"], line["n_windows"]) == ([], 0)
    assert told([], 1) == []


def test_a_line_stays_below_what_journald_keeps_whole(told):
    (line,) = told([instrument(n) for n in range(5000)], 0, error="x" * 320)
    assert line["n_instruments"] == 5000
    assert len(json.dumps(line)) < 4096
