import json
from pathlib import Path

from fdsn import EVENTS
from triggers import body_of, trigger

from quake_stream.catalogue.compare import Arrival, Comparison, Earthquake, Match
from quake_stream.catalogue.job import Request, run
from quake_stream.catalogue.report import HEADINGS, as_json, closing, station_rows
from quake_stream.counters import Counters
from quake_stream.network.geometry import Coordinates

HERE = Coordinates(latitude_deg=0, longitude_deg=0)


def arrival(name, station="XX.A"):
    earthquake = Earthquake(id=name, origin_ns=0, place=HERE, depth_km=0.0, magnitude=None)
    return Arrival(
        earthquake=earthquake, station=station, distance_km=1.0, p_ns=10, s_ns=None, is_expected=True
    )


def match(name, station="XX.A", phase="P", residual_s=0.5):
    detection = trigger(f"{station}..HHZ", 1.0, name=f"{name}{station}{residual_s}")
    return Match(arrival=arrival(name, station), trigger=detection, phase=phase, residual_s=residual_s)


RESULT = Comparison(
    found=(match("1"), match("1", "XX.B", "S", 9.0), match("2", residual_s=-1.5), match("3")),
    missed=(arrival("2", "XX.B"), arrival("4")),
    explained=(match("1", residual_s=4.0),),
    unexplained=(trigger("XX.B..HHZ", 5.0),),
)


def test_each_station_has_a_row_also_without_anything_and_all_together_have_one():
    rows = {row.station: row.cells() for row in station_rows(RESULT, ["XX.C", "XX.B", "XX.A"])}
    assert list(rows) == ["XX.A", "XX.B", "XX.C", "all"]
    assert rows["XX.A"] == ("XX.A", "4", "3", "3", "1", "4", "1", "0", "+0.5")
    assert rows["XX.B"] == ("XX.B", "2", "1", "0", "1", "2", "0", "1", "-")
    assert rows["XX.C"] == ("XX.C", "0", "0", "0", "0", "0", "0", "0", "-")
    assert rows["all"] == ("all", "6", "4", "3", "2", "6", "1", "1", "+0.5")
    assert all(len(cells) == len(HEADINGS) for cells in rows.values())


def test_one_station_needs_no_row_for_all():
    assert [row.station for row in station_rows(RESULT, ["XX.A"])] == ["XX.A"]


def test_the_network_is_summed_up_by_earthquakes():
    assert closing(RESULT) == "3 of 4 earthquakes found by at least one station, 1 by two or more"


def test_json_holds_the_rule_the_rows_and_everything_behind_them(tmp_path):
    (tmp_path / "events").write_text(EVENTS)
    (tmp_path / "stations").write_text("network,station,latitude,longitude\nXX,A,0,0\n")
    detections = tmp_path / "found"
    onset_s = 1_577_837_402.0  # two seconds after the origin of the nearer one: its P
    bodies = [body_of(trigger("XX.A..HHZ", second)) for second in (onset_s, onset_s + 300)]
    detections.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    request = Request(
        detections=[detections],
        catalogue=str(tmp_path / "events"),
        stations=Path(tmp_path / "stations"),
        max_distance_km=100.0,
        tolerance_s=3.0,
    )
    told = json.loads(json.dumps(as_json(run(request, Counters()), request)))
    assert (told["max_distance_km"], told["travel_times"]) == (100.0, "iasp91")
    assert [row["station"] for row in told["stations"]] == ["XX.A"]
    assert [(row["earthquake"][-4:], row["phase"]) for row in told["found"]] == [("near", "P")]
    assert told["found"][0]["p_time"] < told["found"][0]["s_time"]
    assert [row["instrument"] for row in told["unexplained"]] == ["XX.A.--.HH"]
    assert told["missed"] == told["explained"] == []
