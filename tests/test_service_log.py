"""What the log says of the service as a whole."""

from collections import Counter

import pytest
import structlog

from quake_stream.service_log import ServiceLog
from quake_stream.symptoms import Problem

HOUR_S = 3600


def problem(kind: str, words: str = "") -> Problem:
    return Problem(kind=kind, words=words or kind)


@pytest.fixture
def lines():
    with structlog.testing.capture_logs() as lines:
        yield lines


def told(lines):
    return [(line["event"], line.get("reasons", []), line.get("over", [])) for line in lines]


def test_what_is_wrong_is_told_once_and_so_is_its_end(lines):
    log = ServiceLog()
    log.report([], 0.0)
    for now_s in range(1, 100):
        log.report([problem("source a", f"no data for {now_s} s")], float(now_s))
    log.report([], 100.0)
    assert told(lines) == [("service.degraded", ["no data for 1 s"], []), ("service.recovered", [], [])]
    assert lines[0]["log_level"] == "warning"


def test_a_second_problem_is_told_though_the_service_was_degraded_before(lines):
    log = ServiceLog()
    log.report([problem("a")], 0.0)
    log.report([problem("a"), problem("b")], 1.0)
    log.report([problem("b")], 2.0)
    assert told(lines) == [
        ("service.degraded", ["a"], []),
        ("service.degraded", ["a", "b"], []),
        ("service.degraded", ["b"], ["a"]),
    ]


@pytest.mark.fault(45)
def test_a_problem_that_comes_and_goes_all_day_is_one_line_an_hour(lines):
    log = ServiceLog()
    for now_s in range(0, 27 * HOUR_S, 10):
        is_wrong = now_s < 24 * HOUR_S and now_s % 20
        log.report([problem("drops")] if is_wrong else [], float(now_s))
    events = Counter(line["event"] for line in lines)
    assert events == {
        "service.degraded": 2,
        "service.recovered": 2,
        "service.changes": 24,
        "service.steady": 1,
    }
    assert lines[-1]["states"] == {"right": 1}
