"""One test for each way in which a detection and an earthquake meet or miss each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triggers import trigger

from quake_stream.catalogue.compare import Arrival, Earthquake, compare, match_of
from quake_stream.network.geometry import Coordinates
from quake_stream.types import NS_PER_S

HERE = Coordinates(latitude_deg=0, longitude_deg=0)


def arrival(name="e", p_s=100.0, s_s=120.0, *, origin_s=80.0, station="XX.A", expected=True):
    return Arrival(
        earthquake=Earthquake(
            id=name, origin_ns=round(origin_s * NS_PER_S), place=HERE, depth_km=10.0, magnitude=2.0
        ),
        station=station,
        distance_km=50.0,
        p_ns=round(p_s * NS_PER_S),
        s_ns=None if s_s is None else round(s_s * NS_PER_S),
        is_expected=expected,
    )


def phase_of(one, onset_s):
    match = match_of(one, trigger("XX.A..HHZ", onset_s), 3.0)
    return match and (match.phase, round(match.residual_s, 6))


def test_the_windows_of_p_and_s_grow_with_the_travel_time():
    one = arrival()  # 20 s to P, 40 s to S: 4 and 5 s
    assert phase_of(one, 96.0) == ("P", -4.0)
    assert phase_of(one, 95.9) is None
    assert phase_of(one, 104.0) == ("P", 4.0)
    assert phase_of(one, 115.0) == ("S", -5.0)
    assert phase_of(one, 125.0) == ("S", 5.0)
    assert phase_of(one, 125.1) is None


def test_a_detection_between_p_and_s_counts_where_they_are_near_each_other():
    assert phase_of(arrival(), 110.0) == ("between", 10.0)
    assert phase_of(arrival(s_s=160.0), 130.0) == ("between", 30.0)
    assert phase_of(arrival(s_s=160.1), 130.0) is None


def test_without_s_only_p_counts():
    one = arrival(s_s=None)
    assert phase_of(one, 104.0) == ("P", 4.0)
    assert phase_of(one, 104.1) is None


def test_found_missed_and_unexplained_are_told_apart():
    found, missed = arrival("found"), arrival("missed", 300.0, 320.0, origin_s=280.0)
    hit, false = trigger("XX.A..HHZ", 101.0), trigger("XX.A..HHZ", 200.0)
    result = compare([missed, found], [false, hit], tolerance_s=3.0)
    assert [(match.arrival, match.trigger) for match in result.found] == [(found, hit)]
    assert result.missed == (missed,)
    assert result.unexplained == (false,)
    assert result.explained == ()


def test_a_second_detection_of_the_same_earthquake_is_explained_and_p_goes_first():
    at_s, at_p = trigger("XX.A..HHZ", 120.0), trigger("XX.A..HHZ", 102.0)
    result = compare([arrival()], [at_s, at_p], tolerance_s=3.0)
    assert [match.trigger for match in result.found] == [at_p]
    assert [(match.trigger, match.phase) for match in result.explained] == [(at_s, "S")]


def test_one_detection_finds_one_earthquake_only():
    first, second = arrival("first"), arrival("second", 103.0, 123.0, origin_s=83.0)
    result = compare([first, second], [trigger("XX.A..HHZ", 102.9)], tolerance_s=3.0)
    assert [match.arrival for match in result.found] == [second]
    assert result.missed == (first,)


def test_an_earthquake_that_is_not_expected_explains_but_is_never_missed():
    far = arrival(expected=False)
    result = compare([far], [trigger("XX.A..HHZ", 100.0)], tolerance_s=3.0)
    assert (result.found, result.missed, result.unexplained) == ((), (), ())
    assert [match.arrival for match in result.explained] == [far]
    assert compare([far], [], tolerance_s=3.0).missed == ()


def test_an_expected_earthquake_goes_before_one_that_is_not():
    far, near = arrival("far", expected=False), arrival("near", 102.0, 122.0, origin_s=82.0)
    result = compare([far, near], [trigger("XX.A..HHZ", 100.0)], tolerance_s=3.0)
    assert [match.arrival for match in result.found] == [near]


def test_another_station_explains_nothing():
    result = compare([arrival(station="XX.B")], [trigger("XX.A..HHZ", 100.0)], tolerance_s=3.0)
    assert len(result.missed) == len(result.unexplained) == 1


times = st.integers(0, 400)
arrivals = st.lists(
    st.builds(
        lambda name, p, s, station, expected: arrival(
            name, 100.0 + p, 101.0 + p + s, origin_s=90.0 + p, station=station, expected=expected
        ),
        st.uuids().map(str),
        times,
        st.integers(0, 90),
        st.sampled_from(["XX.A", "XX.B"]),
        st.booleans(),
    ),
    max_size=15,
)
onsets = st.lists(st.tuples(st.sampled_from("AB"), st.integers(50, 600)), max_size=15, unique=True)


@given(arrivals, onsets, st.randoms())
def test_every_detection_and_expected_earthquake_is_counted_once_in_any_order(known, rows, random):
    triggers = [trigger(f"XX.{name}..HHZ", float(onset)) for name, onset in rows]
    result = compare(known, triggers, tolerance_s=3.0)
    counted = [m.trigger.id for m in (*result.found, *result.explained)]
    counted += [one.id for one in result.unexplained]
    assert sorted(counted) == sorted(one.id for one in triggers)
    expected = [match.arrival for match in result.found] + list(result.missed)
    assert sorted(one.earthquake.id for one in expected) == sorted(
        one.earthquake.id for one in known if one.is_expected
    )
    random.shuffle(known)
    random.shuffle(triggers)
    assert compare(known, triggers, tolerance_s=3.0) == result


@pytest.mark.parametrize("tolerance_s", [0.0, 10.0])
def test_the_tolerance_is_the_callers(tolerance_s):
    one = arrival()
    reach = tolerance_s + 1.0
    assert match_of(one, trigger("XX.A..HHZ", 100.0 - reach), tolerance_s) is not None
    assert match_of(one, trigger("XX.A..HHZ", 99.99 - reach), tolerance_s) is None
