import pytest
from obspy import UTCDateTime
from obspy.taup import TauPyModel

from quake_stream.catalogue.compare import Earthquake
from quake_stream.catalogue.travel_times import TravelTimes, arrivals_of
from quake_stream.network.geometry import Coordinates, distance_km

ORIGIN_NS = UTCDateTime(2020, 1, 1).ns


@pytest.fixture(scope="module")
def times():
    return TravelTimes()


def earthquake(latitude=0.0, magnitude=3.0, depth_km=10.0):
    place = Coordinates(latitude_deg=latitude, longitude_deg=0)
    return Earthquake(
        id=f"{latitude}", origin_ns=ORIGIN_NS, place=place, depth_km=depth_km, magnitude=magnitude
    )


STATIONS = {
    "XX.A": Coordinates(latitude_deg=0.5, longitude_deg=0),
    "XX.B": Coordinates(latitude_deg=2.0, longitude_deg=0),
}


def predict(times, *earthquakes, **rule):
    rule = {"max_distance_km": 150.0, "min_magnitude": None} | rule
    return list(arrivals_of(earthquakes, STATIONS, times, **rule))


@pytest.mark.parametrize("degrees", [0.0, 0.3, 1.5, 5.0, 30.0, 95.0])
def test_the_first_of_all_phases_counts(times, degrees):
    expected = TauPyModel("iasp91").get_travel_times(10, degrees, ["ttp"])[0].time
    assert times.first_s(degrees, 10.0)[0] == pytest.approx(expected, abs=0.05)


def test_rounding_distance_and_depth_changes_times_by_little(times):
    exact = TauPyModel("iasp91").get_travel_times(10.49, 0.50049, ["ttp"])[0].time
    assert times.first_s(0.50049, 10.49)[0] == pytest.approx(exact, abs=0.2)


def test_s_comes_after_p_and_depth_above_the_surface_is_none(times):
    p_s, s_s = times.first_s(1.0, -3.0)
    assert s_s > p_s > 0


def test_arrivals_are_at_the_origin_plus_the_travel_time(times):
    near, far = predict(times, earthquake())
    p_s, s_s = times.first_s(0.5, 10.0)
    assert (near.p_ns - ORIGIN_NS) / 1e9 == pytest.approx(p_s)
    assert (near.s_ns - ORIGIN_NS) / 1e9 == pytest.approx(s_s)
    assert near.distance_km == pytest.approx(distance_km(earthquake().place, STATIONS["XX.A"]))
    assert (near.station, far.station) == ("XX.A", "XX.B")


def test_a_station_should_see_what_is_near_and_large_enough(times):
    assert [one.is_expected for one in predict(times, earthquake())] == [True, False]
    assert [one.is_expected for one in predict(times, earthquake(), max_distance_km=300.0)] == [True, True]
    assert not any(one.is_expected for one in predict(times, earthquake(), min_magnitude=3.1))
    assert predict(times, earthquake(), min_magnitude=3.0)[0].is_expected


def test_an_earthquake_without_a_magnitude_counts_as_large_enough(times):
    assert predict(times, earthquake(magnitude=None), min_magnitude=6.0)[0].is_expected
