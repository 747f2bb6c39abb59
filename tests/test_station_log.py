"""What the log says of stations: each thing once, and a crowd in one line."""

from collections import Counter

import pytest
import structlog

from quake_stream.source_id import InstrumentId
from quake_stream.station_log import StationLog
from quake_stream.stations import StationStatus
from quake_stream.types import Detection, DetectionState, Latency

HOUR_S = 3600


def instrument(n: int = 1) -> InstrumentId:
    return InstrumentId(network="CX", station=f"PB{n:02}", location="", band="H", source="H")


def status(state="ok", reason="", n=1) -> StationStatus:
    return StationStatus(instrument_id=instrument(n), state=state, reason=reason, since_ns=0)


def detection(state: str, n: int = 1) -> Detection:
    return Detection(
        id="00ff",
        instrument_id=instrument(n),
        channels=("HHZ",),
        state=DetectionState(state),
        revision=0,
        on_ns=5_000_000_000,
        off_ns=None,
        peak_ns=9_000_000_000,
        onset_ns=0,
        onset_uncertainty_s=0.04,
        class_name="earthquake",
        probabilities=(("noise", 0.02), ("earthquake", 0.98)),
        peak_probability=0.98,
        n_windows=7,
        amplitude_counts=1234.5,
        snr_db=20.0,
        latency=Latency(data_s=1.0, queue_s=0.1, inference_s=0.02),
        reason="gap" if state == "end" else "",
    )


@pytest.fixture
def lines():
    with structlog.testing.capture_logs() as lines:
        yield lines


def test_a_change_of_state_is_told_with_its_reason(lines):
    StationLog().state(status("stale", "no data for 121 s"), 0.0)
    assert lines == [
        {
            "event": "station.state",
            "log_level": "info",
            "instrument": "CX.PB01.--.HH",
            "state": "stale",
            "reason": "no data for 121 s",
        }
    ]


@pytest.mark.fault(45)
def test_a_day_of_flapping_of_one_station_is_one_line_an_hour(lines):
    log = StationLog()
    for now_s in range(0, 27 * HOUR_S, 10):
        if now_s < 24 * HOUR_S:
            log.state(status("stale" if now_s % 20 else "ok"), float(now_s))
        log.sum_up(float(now_s))
    events = Counter(line["event"] for line in lines)
    assert events == {"station.state": 4, "station.changes": 24, "station.steady": 1}
    hourly = [line for line in lines if line["event"] == "station.changes"]
    assert {line["instrument"] for line in hourly} == {"CX.PB01.--.HH"}
    assert all(line["changes"]["ok"] + line["changes"]["stale"] <= 366 for line in hourly)
    assert (lines[-1]["event"], lines[-1]["state"]) == ("station.steady", "stale")


@pytest.mark.fault(45)
def test_200_stations_that_go_stale_together_are_21_lines(lines):
    log = StationLog()
    log.sum_up(0.0)
    for n in range(200):
        log.state(status("stale", n=n), 10.0)
    log.sum_up(61.0)
    assert len(lines) == 21
    assert lines[-1]["event"] == "station.changes"
    assert (lines[-1]["n_instruments"], lines[-1]["states"]) == (180, {"stale": 180})
    assert len(lines[-1]["instruments"]) == 6


def test_a_detection_is_told_when_it_begins_and_ends(lines):
    log = StationLog()
    for state in ("new", "update", "end"):
        log.detection(detection(state), 0.0)
    levels = [(line["event"], line["log_level"]) for line in lines]
    assert levels == [("detection.new", "info"), ("detection.update", "debug"), ("detection.end", "info")]
    assert (lines[0]["onset"], lines[0]["latency_s"]) == ("1970-01-01T00:00:00.000000000Z", 1.12)
    assert "reason" not in lines[0]
    assert lines[-1]["reason"] == "gap"


@pytest.mark.fault(45)
def test_a_station_that_detects_all_day_is_summed_up_each_hour(lines):
    log = StationLog()
    for now_s in range(0, 24 * HOUR_S, 20):
        log.detection(detection("new" if now_s % 40 == 0 else "end"), float(now_s))
        log.sum_up(float(now_s))
    events = Counter(line["event"] for line in lines)
    assert events["detection.new"] + events["detection.end"] == 60
    assert events["detection.many"] == 23
    assert lines[-1]["changes"].keys() == {"new", "end"}
