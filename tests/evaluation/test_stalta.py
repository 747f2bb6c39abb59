import numpy as np
import obspy
import pytest
from evaluated import DAY, INSTRUMENT

from quake_stream.evaluation.stalta import Ratio, detections, ratios
from quake_stream.mseed.archive import ALL_STREAMS
from quake_stream.selection import parse_list
from quake_stream.types import NS_PER_S


def write(folder, n_s, *, channel="HHZ", rate_hz=100.0, onset_s=None, start_s=0.0, dead=False):
    rng = np.random.default_rng(0)
    samples = np.zeros(round(n_s * rate_hz)) if dead else 10 * rng.standard_normal(round(n_s * rate_hz))
    if onset_s is not None:
        samples[round(onset_s * rate_hz) :] *= 30
    trace = obspy.Trace(samples.astype(np.int32))
    trace.stats.update({"network": "XX", "station": "ST1", "channel": channel, "sampling_rate": rate_hz})
    trace.stats.starttime = DAY + start_s
    folder.mkdir(exist_ok=True)
    trace.write(str(folder / f"{channel}.{start_s:g}"), format="MSEED")
    return folder


def test_a_step_of_the_ground_is_detected_when_it_comes(tmp_path):
    found = detections(ratios([write(tmp_path, 60, onset_s=30)], ALL_STREAMS), on=10, off=5)
    assert len(found) == 1
    assert found[0].station == "XX.ST1"
    assert 0 <= (found[0].onset_ns - DAY.ns) / NS_PER_S - 30 < 0.5
    assert found[0].announced_ns == found[0].onset_ns


def test_the_vertical_is_taken_and_a_lone_horizontal_where_there_is_no_other(tmp_path):
    write(tmp_path / "all", 60, channel="HHE", onset_s=30)
    write(tmp_path / "all", 60, channel="HHN", onset_s=30)
    write(tmp_path / "all", 60, channel="HHZ")
    assert detections(ratios([tmp_path / "all"], ALL_STREAMS), on=10, off=5) == []
    write(tmp_path / "one", 60, channel="HHN", onset_s=30)
    assert len(detections(ratios([tmp_path / "one"], ALL_STREAMS), on=10, off=5)) == 1


def test_it_can_trigger_ten_seconds_after_each_gap(tmp_path):
    write(tmp_path, 60)
    write(tmp_path, 60, start_s=70)
    write(tmp_path, 5, start_s=140)
    first, second = ratios([tmp_path], ALL_STREAMS)
    seconds = [(t - DAY.ns) / NS_PER_S for ratio in (first, second) for t in ratio.live]
    assert seconds == pytest.approx([10, 60, 80, 130])
    assert not first.values[:990].any()


@pytest.mark.parametrize("rate_hz", [20.0, 31.25, 40.0, 250.0])
def test_any_rate_will_do(tmp_path, rate_hz):
    found = detections(ratios([write(tmp_path, 60, rate_hz=rate_hz, onset_s=30)], ALL_STREAMS), on=10, off=5)
    assert len(found) == 1


def test_dead_silence_is_no_detection(tmp_path):
    (ratio,) = ratios([write(tmp_path, 60, dead=True)], ALL_STREAMS)
    assert np.isfinite(ratio.values).all()
    assert detections([ratio], on=1.5, off=1) == []


def test_only_the_streams_asked_for_are_read(tmp_path):
    assert ratios([write(tmp_path, 60)], parse_list(["XX.ST2"])) == []


def test_it_goes_on_again_only_after_it_went_off():
    values = np.array([0, 5, 3, 5, 1, 5], dtype=float)
    ratio = Ratio(instrument_id=INSTRUMENT, start_ns=0, rate_hz=1.0, values=values)
    assert [d.onset_ns // NS_PER_S for d in detections([ratio], on=4, off=2)] == [1, 5]
