import numpy as np
import pytest

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.training.dataset import VAL_STATIONS, describe, gather, read_noise, split_of, thin


def test_labelled_recordings_and_background_are_gathered(data_folder):
    told = []
    examples = gather(data_folder, report=told.append)
    assert sum(e.is_earthquake for e in examples) == 30
    (site,) = (e for e in examples if e.dataset == "site")
    assert (site.licence, site.citation, site.instrument) == ("CC0", "https://x.org/y", "seismometer")
    assert len(told) == 2
    assert describe(examples)["synthetic"]["train_earthquakes"] == 20


def test_recordings_kept_for_evaluation_are_not_read(data_folder, tmp_path, tools):
    for part in ("labelled", "noise"):
        (tmp_path / part).symlink_to(data_folder / part)
    (tmp_path / "continuous").mkdir()  # reading it would fail: it holds no recordings
    assert {e.dataset for e in gather(tmp_path)} == {"synthetic", "site"}


def test_a_folder_without_data_is_refused(tmp_path):
    with pytest.raises(SourceError, match="needs earthquakes"):
        gather(tmp_path)


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
    assert chunk.station == "XX.ST1"


def test_what_is_kept_of_a_long_station_spreads_over_its_hours(make_example):
    chunks = [make_example(group=str(i)) for i in range(100)]
    kept = thin(chunks, 10 * 40.0)
    assert [int(chunk.group) for chunk in kept] == list(range(0, 100, 10))
    assert thin(chunks[:3], 1e9) == chunks[:3]


def test_a_station_is_always_on_the_same_side():
    splits = [split_of(f"XX.S{i}") for i in range(600)]
    assert splits == [split_of(f"XX.S{i}") for i in range(600)]
    assert 60 < splits.count("val") < 140
    assert {split_of(station) for station in VAL_STATIONS} == {"val"}
