import socket

import pytest
from obspy import UTCDateTime

from quake_stream.catalogue.server import fetch_catalogue
from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.network.geometry import Coordinates

STATIONS = {
    "XX.A": Coordinates(latitude_deg=0, longitude_deg=179.5),
    "XX.B": Coordinates(latitude_deg=0, longitude_deg=-179.5),
}


def fetch(url, max_distance_km=111.19):
    return fetch_catalogue(
        url,
        STATIONS,
        Counters(),
        start_ns=UTCDateTime(2020, 1, 1).ns,
        end_ns=UTCDateTime(2020, 1, 2).ns,
        max_distance_km=max_distance_km,
        timeout_s=20,
    )


def test_earthquakes_around_the_stations_are_asked_for_and_read(fdsn_server):
    assert [one.id for one in fetch(fdsn_server.url)] == ["smi:local/near"]
    (query,) = fdsn_server.queries
    assert UTCDateTime(query["starttime"]) == UTCDateTime(2020, 1, 1) - 60 - 111.19 / 5
    assert UTCDateTime(query["endtime"]) == UTCDateTime(2020, 1, 2)
    # one station and the distance to the other, across the date line, and the reach of both
    assert float(query["longitude"]) in {179.5, -179.5}
    assert float(query["maxradius"]) == pytest.approx(2.0, abs=0.001)


def test_no_earthquakes_is_an_answer(fdsn_server):
    fdsn_server.status, fdsn_server.body = 204, b""
    assert fetch(fdsn_server.url) == []


def test_a_circle_larger_than_the_earth_is_all_of_it(fdsn_server):
    fetch(fdsn_server.url, max_distance_km=30_000.0)
    assert float(fdsn_server.queries[0]["maxradius"]) == 180.0


@pytest.mark.parametrize(("status", "body"), [(500, b"broken"), (400, b"too much"), (200, b"hello")])
def test_a_server_that_fails_is_one_line_with_its_address(fdsn_server, status, body):
    fdsn_server.status, fdsn_server.body = status, body
    with pytest.raises(SourceError, match="no catalogue from this FDSN server") as raised:
        fetch(fdsn_server.url)
    assert str(raised.value).startswith(fdsn_server.url)
    assert "\n" not in str(raised.value)


def test_a_server_that_is_not_there_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SourceError, match=f"http://127.0.0.1:{port}: no catalogue"):
        fetch(f"http://127.0.0.1:{port}")


def test_a_name_that_is_no_server_is_one_line():
    with pytest.raises(SourceError, match="NOWHERE: no catalogue"):
        fetch("NOWHERE")
