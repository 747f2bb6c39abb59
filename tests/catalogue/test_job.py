import json

import pytest
from fdsn import EVENTS
from triggers import body_of, trigger

from quake_stream.catalogue.job import Request, run
from quake_stream.counters import Counters
from quake_stream.errors import QuakeStreamError, SourceError

ORIGIN_S = 1_577_837_400  # of the nearer earthquake, 11 km from XX.A
NS = 10**9


@pytest.fixture
def request_for(tmp_path):
    """Build a request: detections of XX.A at these seconds after the origin."""
    (tmp_path / "events.txt").write_text(EVENTS)
    (tmp_path / "stations.csv").write_text("network,station,latitude,longitude\nXX,A,0,0\nXX,B,0.1,0.3\n")

    def build(*onsets_s, channel="XX.A..HHZ", **more):
        lines = [json.dumps(body_of(trigger(channel, float(ORIGIN_S + s)))) + "\n" for s in onsets_s]
        (tmp_path / "found.jsonl").write_text("".join(lines))
        given = {
            "detections": [tmp_path / "found.jsonl"],
            "catalogue": str(tmp_path / "events.txt"),
            "stations": tmp_path / "stations.csv",
            "max_distance_km": 100.0,
            "tolerance_s": 3.0,
        }
        return Request(**given | more)

    return build


def stations_of(rows):
    return [one.station for one in rows]


def test_a_day_is_compared_from_files(request_for):
    outcome = run(request_for(-60, 2, 300), Counters())
    assert [match.arrival.station for match in outcome.result.found] == ["XX.A"]
    assert stations_of(outcome.result.missed) == ["XX.B"]
    assert len(outcome.result.unexplained) == 2
    assert outcome.n_earthquakes == 2


def test_the_span_is_from_a_minute_before_the_first_onset_to_one_after_the_last(request_for):
    assert stations_of(run(request_for(100, 300), Counters()).result.missed) == []
    assert stations_of(run(request_for(50, 300), Counters()).result.missed) == ["XX.A", "XX.B"]
    outcome = run(request_for(100, 300, start_ns=(ORIGIN_S - 10) * NS), Counters())
    assert stations_of(outcome.result.missed) == ["XX.A", "XX.B"]
    outcome = run(request_for(2, 300, end_ns=(ORIGIN_S + 200) * NS), Counters())
    assert outcome.result.unexplained == ()


def test_an_earthquake_just_before_the_span_explains_but_is_not_expected(request_for):
    outcome = run(request_for(5, 300, start_ns=(ORIGIN_S + 4) * NS), Counters())
    assert (outcome.result.found, stations_of(outcome.result.missed)) == ((), ["XX.B"])
    assert [match.phase for match in outcome.result.explained] == ["P"]


def test_no_detections_at_all_need_a_span(request_for):
    span = {"start_ns": (ORIGIN_S - 10) * NS, "end_ns": (ORIGIN_S + 100) * NS}
    assert len(run(request_for(**span), Counters()).result.missed) == 2
    with pytest.raises(QuakeStreamError, match="give --start and --end"):
        run(request_for(), Counters())
    with pytest.raises(QuakeStreamError, match="the end is not after the start"):
        run(request_for(start_ns=2, end_ns=2), Counters())


def test_stations_may_be_chosen_and_must_have_a_place(request_for):
    outcome = run(request_for(-60, 2, 300, only=["XX.B"]), Counters())
    assert list(outcome.stations) == ["XX.B"]
    assert outcome.elsewhere == {}
    with pytest.raises(SourceError, match=r"stations\.csv: holds no XX\.C"):
        run(request_for(2, only=["XX.C"]), Counters())


def test_detections_of_a_station_without_a_place_are_told(request_for):
    outcome = run(request_for(2, 300, channel="XX.C..HHZ"), Counters())
    assert outcome.elsewhere == {"XX.C": 2}
    assert outcome.result.unexplained == ()


def test_a_server_is_asked_farther_than_stations_should_see(request_for, fdsn_server):
    outcome = run(request_for(-60, 2, 300, catalogue=fdsn_server.url), Counters())
    assert len(outcome.result.found) == 1
    assert float(fdsn_server.queries[0]["maxradius"]) == pytest.approx(0.316 + 300 / 111.19, abs=0.01)


def test_a_file_that_is_not_there_is_no_server(request_for):
    with pytest.raises(SourceError, match=r"day\.xml: no such file"):
        run(request_for(2, 300, catalogue="day.xml"), Counters())
