import json

import numpy as np
import pytest

from quake_stream.detection.trigger import TriggerSettings
from quake_stream.training.evaluate import evaluate_streams, run_trigger, score_recordings
from quake_stream.types import ModelSpec

SPEC = ModelSpec(
    name="level",
    version="1",
    sha256="0" * 64,
    sample_rate_hz=100.0,
    n_samples=512,
    component_sets=("ZNE",),
    highpass_hz=1.0,
    transform="rfft-over-background/1",
    classes=("noise", "earthquake"),
    trigger_classes=("earthquake",),
    on=0.9,
    off=0.8,
    min_windows=2,
    hop_s=0.5,
)


class LevelModel:
    """Says earthquake where the spectrum has risen; stands for a trained network."""

    spec = SPEC

    def predict(self, features):
        p = 1 / (1 + np.exp(-20 * (features.mean(axis=(1, 2)) - 0.5)))
        return np.stack([1 - p, p], axis=1).astype(np.float32)


@pytest.fixture
def folder(tmp_path, tools):
    """Three minutes with an earthquake at 60 s and another burst at 120 s that no list knows."""
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((3, 18_000))
    for p in (6000, 12_000):
        samples[:, p : p + 800] += 5 * tools.burst(rng, 800, 0)
    tools.write_stream(tmp_path / "set", 100 * samples, start="2020-01-01T00:00:00")
    (tmp_path / "set" / "events.csv").write_text(
        "station,p_time,s_time,quality\nXX.ST1,2020-01-01T00:01:00Z,2020-01-01T00:01:03Z,A\n"
    )
    return tmp_path / "set"


def test_hits_false_alarms_hours_and_delay_are_found(folder):
    told = []
    rows = evaluate_streams(
        LevelModel(), [folder], hop_s=0.5, thresholds=(0.9,), min_windows=(1, 2), report=told.append
    )
    row = rows[1]
    assert (row["set"], row["min_windows"]) == ("set", 2)
    assert (row["n_a"], row["recall_a"], row["recall_ab"]) == (1, 1.0, 1.0)
    assert (row["n_detections"], row["n_unmatched"]) == (2, 1)
    assert 0 < row["delay_median_s"] < 4
    assert row["station_hours"] == pytest.approx(165 / 3600, rel=0.05)
    assert rows[0]["delay_median_s"] == pytest.approx(row["delay_median_s"] - 0.5)
    json.dumps(rows)
    assert told


def test_an_excluded_span_counts_neither_as_false_alarm_nor_as_hours(folder):
    (folder / "exclude.csv").write_text(
        "net_sta,start,end,reason\nXX.ST1,2020-01-01T00:01:50Z,2020-01-01T00:02:20Z,burst\n"
    )
    (row,) = evaluate_streams(LevelModel(), [folder], hop_s=0.5, thresholds=(0.9,), min_windows=(2,))
    assert row["n_unmatched"] == 0
    assert row["station_hours"] == pytest.approx(135 / 3600, rel=0.05)


def test_windows_come_in_order_with_their_scores(folder):
    scored = score_recordings(LevelModel(), [folder / "mseed"], hop_s=0.5)
    (windows,) = scored.values()
    starts = [window.start_index for window, _ in windows]
    assert np.all(np.diff(starts) == 50)
    strict = TriggerSettings(on=1.0, off=1.0, min_windows=10_000)
    assert run_trigger(scored, SPEC, strict, 0.5) == []
