"""``quake-stream demo``: the whole service on real earthquakes."""

import pytest

from quake_stream.cli.demo import _compare
from quake_stream.models.registry import WEIGHTS
from quake_stream.replay.demo_data import KNOWN_EVENTS


def end(station, onset_ns, name="x"):
    network, code = station.split(".")
    return {
        "id": f"{name}{station}{onset_ns}",
        "network": network,
        "station": code,
        "onset_time_ns": onset_ns,
        "on_time_ns": onset_ns + 10**9,
    }


CLEAR = [event for event in KNOWN_EVENTS if event.is_clear]
ALL_CLEAR = [end(station, p_ns) for event in CLEAR for station, p_ns in event.p_arrivals_ns.items()]


def test_all_clear_earthquakes_and_nothing_else_is_no_mistake(capsys):
    assert _compare(ALL_CLEAR, KNOWN_EVENTS) == 0
    out = capsys.readouterr().out
    assert "16:24:33 UTC, clear:  UH1 +1.0 s" in out
    assert "16:25:26 UTC, weak:  UH1 missed" in out
    assert out.endswith("Detections that are none of them: 0\n")


def test_a_missed_clear_earthquake_and_a_false_detection_are_mistakes(capsys):
    assert _compare(ALL_CLEAR[1:], KNOWN_EVENTS) == 1
    false = end("BW.UH1", CLEAR[0].p_arrivals_ns["BW.UH1"] + 21 * 10**9)
    assert _compare([*ALL_CLEAR, false], KNOWN_EVENTS) == 1
    other_station = end("BW.UH9", CLEAR[0].p_arrivals_ns["BW.UH1"])
    assert _compare([*ALL_CLEAR, other_station], KNOWN_EVENTS) == 1
    capsys.readouterr()


def test_the_baseline_finds_the_clear_earthquakes_and_thirteen_that_are_none(program):
    done = program("demo", "--model", "stalta", "--speed", 100)
    assert done.end() == 1, done.err
    assert "Detections that are none of them: 13" in done.out
    assert not any("clear" in line and "missed" in line for line in done.out)
    assert any(line.startswith("2010-05-27T16:27:30.") and " new " in line for line in done.out)
    assert done.err == []


@pytest.mark.skipif(not [*WEIGHTS.glob("lstm.*")], reason="NOT RUN: no weights are shipped")
@pytest.mark.parametrize("model", ["lstm", "lstm-mhsa"])
def test_the_networks_find_all_four_earthquakes_and_nothing_else(model, program):
    done = program("demo", "--speed", 100, "--model", model)
    assert done.end() == 0, [*done.out, *done.err]
    results = [line for line in done.out if " UTC, " in line]
    assert len(results) == len(KNOWN_EVENTS)
    # The two weak ones drown in the noise of some stations.
    assert all(" s" in line.partition(":  ")[2] for line in results), results


def test_a_model_that_does_not_exist_ends_the_demo_with_a_clear_line(program):
    done = program("demo", "--model", "nonsense")
    assert done.end() == 1
    assert any("no model 'nonsense'" in line for line in done.err)
    assert done.err[-1] == "quake-stream: the service ended with exit status 78"
