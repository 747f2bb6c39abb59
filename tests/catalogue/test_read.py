import pytest
from fdsn import EVENTS, QUAKEML
from obspy import UTCDateTime, read_events

from quake_stream.catalogue.read import earthquakes_of, read_catalogue
from quake_stream.counters import Counters
from quake_stream.errors import SourceError


def test_fdsn_event_text_is_read(tmp_path):
    path = tmp_path / "events.txt"
    path.write_text(EVENTS)
    near, far = read_catalogue(path, Counters())
    assert (near.origin_ns, near.depth_km, near.magnitude) == (UTCDateTime(2020, 1, 1, 0, 10).ns, 10.0, 2.5)
    assert (near.place.latitude_deg, near.place.longitude_deg) == (0.1, 0.0)
    assert far.magnitude == 5.0


def test_quakeml_is_read_with_no_magnitude_where_it_gives_none(tmp_path):
    path = tmp_path / "events.xml"
    path.write_bytes(QUAKEML)
    (one,) = read_catalogue(path, Counters())
    assert (one.id, one.magnitude, one.depth_km) == ("smi:local/near", None, 10.0)


def test_an_event_without_a_place_or_of_a_blast_is_left_out_and_counted(tmp_path):
    events = read_events()  # three earthquakes that ObsPy brings along
    events[0].origins, events[0].preferred_origin_id = [], None
    events[1].event_type = "quarry blast"
    counters = Counters()
    assert len(earthquakes_of(events, counters)) == len(events) - 2
    assert counters.total("events.refused", reason="no_origin") == 1
    assert counters.total("events.refused", reason="no_earthquake") == 1


def test_a_file_that_is_no_catalogue_is_named(tmp_path):
    path = tmp_path / "events.xml"
    with pytest.raises(SourceError, match=r"events\.xml: no such file"):
        read_catalogue(path, Counters())
    path.write_text("hello")
    with pytest.raises(SourceError, match=r"events\.xml: no catalogue in QuakeML or FDSN event text"):
        read_catalogue(path, Counters())
