"""What the log says of a link: once, and once an hour what kept coming."""

from collections import Counter

import pytest
from structlog.testing import capture_logs

from quake_stream.ingest.seedlink.link_log import LinkLog
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost

HOUR_S = 3600.0


@pytest.fixture
def lines():
    with capture_logs() as lines:
        yield lines


def lose(log: LinkLog, reason: Lost, now_s: float, detail: str = "") -> None:
    log.lost(LinkLostError(reason, detail), 1.55, now_s)


def test_a_link_that_is_lost_and_found_is_told_both_times(lines) -> None:
    log = LinkLog("a:18000")
    log.connected(n_stations=3)
    lose(log, Lost.EOF, 1.0, "x" * 500)
    log.connected(n_stations=3)
    assert lines == [
        {"event": "seedlink.connected", "log_level": "info", "server": "a:18000", "n_stations": 3},
        {
            "event": "seedlink.lost",
            "log_level": "warning",
            "server": "a:18000",
            "reason": "eof",
            "detail": "x" * 200,
            "retry_in_s": 1.6,
        },
        {"event": "seedlink.connected", "log_level": "info", "server": "a:18000", "n_stations": 3},
    ]


@pytest.mark.fault(45)
def test_a_link_that_flaps_all_day_is_one_line_an_hour_with_counts_and_its_end_is_told(lines) -> None:
    log = LinkLog("a:18000")
    for n in range(24 * 60):
        log.sum_up(n * 60.0)
        lose(log, Lost.EOF, n * 60.0 + 1)
        log.connected()
    for n in range(24 * 60, 27 * 60):
        log.sum_up(n * 60.0)
    events = Counter(line["event"] for line in lines)
    assert events == {
        "seedlink.lost": 1,
        "seedlink.connected": 1,
        "seedlink.repeated": 24,
        "seedlink.steady": 1,
    }
    assert sum(line["n"] for line in lines if line["event"] == "seedlink.repeated") == 24 * 60 - 1
    assert (lines[-1]["reason"], lines[-1]["is_connected"]) == ("eof", True)


@pytest.mark.fault(5)
def test_a_server_that_refuses_all_day_is_recalled_each_hour(lines) -> None:
    log = LinkLog("a:18000")
    for n in range(24 * 60):
        lose(log, Lost.REFUSED, n * 60.0)
        log.sum_up(n * 60.0)
    assert len(lines) == 24
    assert not any(line["is_connected"] for line in lines[1:])


def test_another_reason_is_told_at_once(lines) -> None:
    log = LinkLog("a:18000")
    for reason in (Lost.EOF, Lost.EOF, Lost.REFUSED, Lost.EOF):
        lose(log, reason, 0.0)
    assert [line["reason"] for line in lines] == ["eof", "refused"]


@pytest.mark.fault(22)
def test_too_many_stations_are_told_once_and_then_each_hour(lines) -> None:
    log = LinkLog("a:18000")
    for n in range(100):
        log.too_many_stations(4, float(n))
    log.sum_up(HOUR_S)
    told = [(line["event"], line["log_level"]) for line in lines]
    assert told == [("seedlink.too_many_stations", "error"), ("seedlink.repeated", "warning")]
    assert (lines[0]["limit"], lines[1]["n"]) == (4, 99)
