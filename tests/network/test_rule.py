import pytest
from hypothesis import given
from hypothesis import strategies as st
from obspy.geodetics import degrees2kilometers
from obspy.taup import TauPyModel
from triggers import trigger

from quake_stream.network.geometry import Coordinates, distance_deg
from quake_stream.network.rule import CoincidenceRule

ONE_DEGREE_KM = degrees2kilometers(1)
PLACES = {
    "XX.A": Coordinates(latitude_deg=0, longitude_deg=0),
    "XX.B": Coordinates(latitude_deg=0, longitude_deg=1),
    "XX.C": Coordinates(latitude_deg=0, longitude_deg=40),
}


def test_the_window_of_a_pair_is_its_travel_time_and_a_tolerance():
    rule = CoincidenceRule(coordinates=PLACES, velocity_km_s=3.3, tolerance_s=3.0)
    assert rule.window_between_s("XX.A", "XX.B") == pytest.approx(ONE_DEGREE_KM / 3.3 + 3.0)
    assert rule.window_between_s("XX.B", "XX.A") == rule.window_between_s("XX.A", "XX.B")


def test_no_window_is_longer_than_the_limit():
    assert CoincidenceRule(coordinates=PLACES).window_between_s("XX.A", "XX.C") == 120.0


def test_a_station_without_a_place_gets_the_plain_window():
    assert CoincidenceRule(coordinates=PLACES, window_s=7.0).window_between_s("XX.A", "XX.D") == 7.0


def test_two_stations_agree_up_to_the_window_and_not_beyond():
    rule = CoincidenceRule(window_s=20.0)
    first = trigger("XX.A..HHZ", 100.0)
    assert rule.agree(first, trigger("XX.B..HHZ", 120.0))
    assert rule.agree(trigger("XX.B..HHZ", 80.0), first)
    assert not rule.agree(first, trigger("XX.B..HHZ", 120.001))


def test_two_detections_of_one_instrument_are_two_earthquakes():
    assert not CoincidenceRule().agree(trigger("XX.A..HHZ", 100.0), trigger("XX.A..HHN", 101.0))


def test_another_instrument_of_the_station_belongs_to_a_detection_while_it_is_on():
    rule = CoincidenceRule(tolerance_s=3.0)
    strong_motion = trigger("XX.A..HNZ", 140.0)
    assert rule.agree(trigger("XX.A..HHZ", 100.0), strong_motion)
    assert rule.agree(trigger("XX.A..HHZ", 100.0, off_s=141.0), strong_motion)
    assert rule.agree(trigger("XX.A..HHZ", 138.0, off_s=139.0), strong_motion)  # within the tolerance
    assert not rule.agree(trigger("XX.A..HHZ", 100.0, off_s=140.0), strong_motion)


@pytest.fixture(scope="module")
def arrivals():
    model = TauPyModel("iasp91")

    def first(phase, depth_km, degrees):
        found = model.get_travel_times(depth_km, degrees, [f"tt{phase}"])
        return min(arrival.time for arrival in found)

    return first


@pytest.mark.parametrize("depth_km", [1, 10, 35, 120])
@pytest.mark.parametrize("phase", ["p", "s"])
def test_no_earthquake_in_iasp91_arrives_outside_the_window(arrivals, depth_km, phase):
    rule = CoincidenceRule(coordinates=PLACES)
    for latitude, longitude in [(0, -1), (0, 0.3), (0.5, 0.9), (2, -1), (0, 3)]:
        source = Coordinates(latitude_deg=latitude, longitude_deg=longitude)
        times = [arrivals(phase, depth_km, distance_deg(source, PLACES[name])) for name in ("XX.A", "XX.B")]
        assert abs(times[0] - times[1]) <= rule.window_between_s("XX.A", "XX.B") - rule.tolerance_s


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_a_trigger_is_kept_longer_than_any_window(window_s, max_window_s):
    rule = CoincidenceRule(coordinates=PLACES, window_s=window_s, max_window_s=max_window_s)
    for pair in [("XX.A", "XX.B"), ("XX.A", "XX.C"), ("XX.A", "XX.D")]:
        assert rule.keep_ns >= (rule.window_between_s(*pair) + rule.wait_s) * 1e9 - 1


@pytest.mark.parametrize(
    "wrong", [{"min_stations": 1}, {"velocity_km_s": 0.0}, {"tolerance_s": -1.0}, {"wait_s": -1.0}]
)
def test_a_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"stations|velocity"):
        CoincidenceRule(**wrong)
