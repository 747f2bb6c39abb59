"""``quake-stream compare``: table, JSON and picture."""

import json

import pytest
from fdsn import EVENTS, FdsnServer
from triggers import body_of, trigger

ORIGIN_S = 1_577_837_400.0


@pytest.fixture
def compare(quake_stream, tmp_path):
    (tmp_path / "events.txt").write_text(EVENTS)
    (tmp_path / "stations.csv").write_text("network,station,latitude,longitude\nXX,A,0,0\nXX,B,0.1,0.3\n")
    onsets = [("XX.A..HHZ", 2.0), ("XX.A..HHZ", 300.0), ("XX.C..HHZ", 3.0)]
    found = tmp_path / "found.jsonl"
    bodies = [body_of(trigger(channel, ORIGIN_S + s)) for channel, s in onsets]
    found.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    return lambda *more, catalogue=tmp_path / "events.txt": quake_stream(
        "compare", found, "--catalogue", catalogue, "--stations", tmp_path / "stations.csv", *more
    )


def test_a_table_counts_found_missed_and_unexplained_per_station(compare, tmp_path):
    done = compare()
    assert done.status == 0, done.err
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[1][:8] == ["XX.A", "1", "1", "1", "0", "2", "0", "1"]
    assert rows[2][:8] == ["XX.B", "1", "0", "0", "1", "0", "0", "0"]
    assert done.out.splitlines()[-2:] == [
        "2020-01-01T00:09:02Z to 2020-01-01T00:16:00Z, 2 earthquakes in the catalogue",
        "1 of 1 earthquakes found by at least one station, 0 by two or more",
    ]
    assert done.err == (f"  XX.C: 1 detections left out, as {tmp_path}/stations.csv has no place for it\n")


def test_json_is_one_object(compare):
    told = json.loads(compare("--json").out)
    assert [row["station"] for row in told["missed"]] == ["XX.B"]
    assert len(told["unexplained"]) == 1


def test_the_rule_of_what_should_be_seen_is_the_callers(compare):
    assert "0 of 0 earthquakes" in compare("--min-magnitude", 4).out
    assert "0 of 0 earthquakes" in compare("--max-distance", 10).out
    assert compare("--station", "XX.B").out.splitlines()[1].split()[:2] == ["XX.B", "1"]


def test_a_picture_is_drawn(compare, tmp_path):
    assert compare("--plot", tmp_path / "day.png").status == 0
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG")


def test_a_server_is_asked_by_its_address(compare):
    server = FdsnServer()
    try:
        assert json.loads(compare("--json", catalogue=server.url).out)["found"]
    finally:
        server.close()


@pytest.mark.parametrize(
    ("options", "status", "problem"),
    [
        (["--start", "yesterday"], 2, "is not a UTC time"),
        (["--catalogue", "none.xml"], 66, "none.xml: no such file"),
        (["--station", "XX.Z"], 66, "holds no XX.Z"),
        (["--start", "2021-01-01T00:00:00Z"], 1, "the end is not after the start"),
    ],
)
def test_a_mistake_is_named(compare, options, status, problem):
    done = compare(*options)
    assert (done.status, done.out) == (status, "")
    assert problem in done.err
