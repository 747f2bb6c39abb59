"""``quake-stream tune``: sections to paste, an explanation beside them, and no promise that data do not bear."""

import json
import tomllib

import pytest
from evaluated import write_set


@pytest.fixture
def recordings(tmp_path):
    return write_set(tmp_path / "days", n_s=300, bursts_s=(60, 180))


def test_sections_go_to_standard_output_and_their_reasons_to_standard_error(quake_stream, recordings):
    done = quake_stream("tune", recordings / "mseed", "--per-day", 1000, "--model", "stalta")
    assert done.status == 0, done.err
    section = tomllib.loads(done.out)["stations"]["XX.ST1"]
    assert 0 < section["off"] <= section["on"] < 1
    assert section["min_windows"] == 2
    assert "XX.ST1: 0.00 days of recordings" in done.err
    assert "recall is not known" in done.err


def test_five_minutes_bear_no_promise_of_one_alarm_a_day(quake_stream, recordings):
    done = quake_stream("tune", recordings / "mseed", "--per-day", 1, "--model", "stalta")
    assert (done.status, done.out) == (0, "")
    assert "needs 3.0 days (rule of three)" in done.err


def test_events_say_what_the_thresholds_cost(quake_stream, recordings, tmp_path):
    events = tmp_path / "events.csv"
    events.write_text("station,p_time,s_time,quality\nXX.ST1,2020-01-01T00:01:00Z,2020-01-01T00:01:03Z,A\n")
    done = quake_stream(
        "tune", recordings / "mseed", "--per-day", 1000, "--model", "stalta", "--events", events, "--json"
    )
    assert done.status == 0, done.err
    row = json.loads(done.out)
    assert (row["recall_source"], row["recall"], row["n_alarms"]) == ("events", 1.0, 1)
    assert "recall of A + B by the events given: 100%" in done.err


@pytest.mark.parametrize(
    ("args", "status"),
    [(("--events", "nowhere.csv"), 2), (("--stream", "a.b.c.d.e"), 78), (("--model", "nonsense"), 78)],
)
def test_what_cannot_be_used_is_refused(quake_stream, recordings, args, status):
    done = quake_stream("tune", recordings / "mseed", "--per-day", 5, "--model", "stalta", *args)
    assert done.status == status, done.err


def test_recordings_without_a_window_are_refused(quake_stream, tmp_path):
    short = write_set(tmp_path / "short", n_s=6, bursts_s=())
    done = quake_stream("tune", short / "mseed", "--per-day", 5, "--model", "stalta")
    assert done.status == 66
    assert "no window" in done.err
