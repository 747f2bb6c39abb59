import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obspy.geodetics import gps2dist_azimuth

from quake_stream.network.geometry import Coordinates, distance_deg, distance_km

# in steps of some 10 m, and away from antipodes, where ObsPy's iteration does not converge
places = st.builds(
    Coordinates,
    latitude_deg=st.integers(-800_000, 800_000).map(lambda n: n / 1e4),
    longitude_deg=st.integers(-800_000, 800_000).map(lambda n: n / 1e4),
)


@given(places, places)
def test_the_sphere_is_as_good_as_the_ellipsoid_within_its_flattening(a, b):
    exact_m, _, _ = gps2dist_azimuth(a.latitude_deg, a.longitude_deg, b.latitude_deg, b.longitude_deg)
    assert distance_km(a, b) == pytest.approx(exact_m / 1000, rel=0.006, abs=0.001)


@given(places, places, places)
def test_the_way_round_is_never_shorter(a, b, c):
    assert distance_deg(a, c) <= distance_deg(a, b) + distance_deg(b, c) + 1e-6


def test_antipodes_are_half_a_circle_apart():
    pole, other = (Coordinates(latitude_deg=x, longitude_deg=0) for x in (90, -90))
    assert distance_deg(pole, other) == pytest.approx(180)
    assert distance_km(pole, other) == pytest.approx(math.pi * 6371)


@pytest.mark.parametrize(("latitude", "longitude"), [(90.1, 0), (0, 361), (math.nan, 0), (0, math.nan)])
def test_a_place_off_the_earth_is_refused(latitude, longitude):
    with pytest.raises(ValueError, match="no place on Earth"):
        Coordinates(latitude_deg=latitude, longitude_deg=longitude)
