import gzip
from importlib.resources import files
from pathlib import Path

import numpy as np
import obspy
import pytest

from quake_stream.errors import SourceError
from quake_stream.mseed.header import peek
from quake_stream.replay import demo_data
from quake_stream.replay.demo_data import KNOWN_EVENTS, KnownEvent, write_demo_records
from quake_stream.types import NS_PER_S


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_demo_records(tmp_path_factory.mktemp("demo") / "new folder")


def original(stem: str) -> np.ndarray:
    """Read the samples of the text file without any seismological library."""
    network, station, _, channel = stem.split(".")
    name = f"{network}.{station}._.{channel}.D.2010.147.cut.slist.gz"
    text = gzip.decompress((files("obspy.signal") / "tests" / "data" / name).read_bytes()).decode()
    return np.array(text.split("\n", 1)[1].split(), dtype=np.float64)


def test_six_components_of_four_stations_are_written(paths):
    assert {path.stem for path in paths} == {
        "BW.UH1..SHZ",
        "BW.UH2..SHZ",
        "BW.UH3..SHZ",
        "BW.UH3..SHN",
        "BW.UH3..SHE",
        "BW.UH4..EHZ",
    }


def test_no_sample_differs_from_the_recording_that_obspy_brings(paths):
    for path in paths:
        (trace,) = obspy.read(path)
        np.testing.assert_array_equal(trace.data.astype(np.float64), original(path.stem))


def test_every_record_has_512_bytes_and_a_few_seconds_at_most(paths):
    for path in paths:
        data = path.read_bytes()
        assert len(data) % 512 == 0
        for offset in range(0, len(data), 512):
            header = peek(data, offset)
            assert header.length == 512
            assert 0 < header.end_ns - header.start_ns < 12 * NS_PER_S


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def test_the_ground_moves_more_from_every_known_arrival_on(paths):
    for path in paths:
        (trace,) = obspy.read(path)
        trace.detrend("demean").filter("bandpass", freqmin=10, freqmax=20)
        rate_hz = trace.stats.sampling_rate
        for event in KNOWN_EVENTS:
            arrival_ns = event.p_arrivals_ns.get(f"BW.{trace.stats.station}")
            if arrival_ns is None or trace.stats.channel[2] != "Z":
                continue
            arrival = round((arrival_ns - trace.stats.starttime.ns) / NS_PER_S * rate_hz)
            before = rms(trace.data[arrival - int(2 * rate_hz) : arrival - int(0.2 * rate_hz)])
            after = rms(trace.data[arrival : arrival + int(0.4 * rate_hz)])
            assert after > (10 if event.is_clear else 1.9) * before, (event.name, trace.id, after / before)


def test_the_clear_earthquakes_were_seen_by_all_four_stations():
    assert [len(event.p_arrivals_ns) for event in KNOWN_EVENTS] == [4, 3, 3, 4]
    assert [event.is_clear for event in KNOWN_EVENTS] == [True, False, False, True]
    assert all("2010-05-27T" + event.name in str(first(event)) for event in KNOWN_EVENTS)


def first(event: KnownEvent) -> obspy.UTCDateTime:
    return obspy.UTCDateTime(ns=min(event.p_arrivals_ns.values()))


def test_an_obspy_without_recordings_is_a_source_error(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_data, "_FOLDER", "tests/nowhere")
    with pytest.raises(SourceError, match="reinstall"):
        write_demo_records(tmp_path)
