import pytest
from matplotlib.image import imread
from triggers import trigger

from quake_stream.catalogue.compare import Comparison, Earthquake, compare
from quake_stream.catalogue.plot import plot
from quake_stream.catalogue.travel_times import TravelTimes, arrivals_of
from quake_stream.errors import QuakeStreamError
from quake_stream.network.geometry import Coordinates

STATIONS = {f"XX.{n}": Coordinates(latitude_deg=0.3 * i, longitude_deg=0) for i, n in enumerate("ABC")}


@pytest.fixture(scope="module")
def times():
    return TravelTimes()


@pytest.fixture(scope="module")
def result(times):
    place = Coordinates(latitude_deg=0, longitude_deg=0.1)
    one = Earthquake(id="1", origin_ns=10**18, place=place, depth_km=5.0, magnitude=3.0)
    arrivals = list(arrivals_of([one], STATIONS, times, max_distance_km=200.0, min_magnitude=None))
    seconds = [arrivals[0].p_ns / 1e9, arrivals[0].s_ns / 1e9, 1e9 + 600]
    return compare(arrivals, [trigger("XX.A..HHZ", s) for s in seconds], tolerance_s=3.0)


def test_found_missed_and_unexplained_are_drawn(result, times, tmp_path):
    path = tmp_path / "day.png"
    plot(result, STATIONS, times, path)
    image = imread(path)[:, :, :3]
    for colour in [(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0xE6, 0x9F, 0x00)]:
        assert (abs(image * 255 - colour).max(axis=2) < 2).sum() > 20


def test_nothing_at_all_makes_a_picture_too(times, tmp_path):
    path = tmp_path / "empty.svg"
    plot(Comparison(found=(), missed=(), explained=(), unexplained=()), STATIONS, times, path)
    assert path.stat().st_size > 0


@pytest.mark.parametrize("name", ["none/day.png", "day.nonsense"])
def test_a_picture_that_cannot_be_written_is_named(result, times, tmp_path, name):
    with pytest.raises(QuakeStreamError, match=rf"{name}: cannot be written"):
        plot(result, STATIONS, times, tmp_path / name)
