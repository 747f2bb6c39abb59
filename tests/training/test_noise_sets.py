import numpy as np

from quake_stream.counters import Counters
from quake_stream.training.noise_sets import read_noise, thin


def test_what_is_held_out_gives_no_background(tmp_path, tools):
    noise = 100 * np.random.default_rng(0).standard_normal((3, 9000))
    tools.write_stream(tmp_path, noise, start="2020-01-01T00:00:00", station="ST1")
    tools.write_stream(tmp_path, noise, start="2022-01-02T00:00:00", station="HEC", network="CI")
    tools.write_stream(tmp_path, noise, start="2014-04-30T23:59:00", station="PB01", network="CX")
    counters = Counters()
    (chunk,) = read_noise(tmp_path, counters=counters)
    assert counters.total("examples.refused", station="CI.HEC") == 1
    assert counters.total("examples.refused", station="CX.PB01") == 1
    assert chunk.noise == (0, chunk.n_samples)
    assert (chunk.station, chunk.label, chunk.is_event) == ("XX.ST1", "", False)


def test_a_set_says_where_it_comes_from(data_folder):
    (chunk,) = read_noise(data_folder / "noise" / "site", counters=Counters())
    assert (chunk.dataset, chunk.licence, chunk.citation) == ("site", "CC0", "https://x.org/y")
    assert chunk.instrument == "seismometer"


def test_what_is_kept_of_a_long_station_spreads_over_its_hours(make_example):
    chunks = [make_example(group=str(i)) for i in range(100)]
    kept = thin(chunks, 10 * 40.0)
    assert [int(chunk.group) for chunk in kept] == list(range(0, 100, 10))
    assert thin(chunks[:3], 1e9) == chunks[:3]
