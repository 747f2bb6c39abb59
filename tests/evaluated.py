"""A small set of recordings, and a model that says earthquake where the spectrum has risen."""

from pathlib import Path

import numpy as np
import obspy

from quake_stream.evaluation.matching import Arrival, Found, judge
from quake_stream.evaluation.scored import ScoredWindows
from quake_stream.evaluation.sets import RecordingSet
from quake_stream.evaluation.sweep import SetSweep, Sweep, Threshold
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, ModelSpec, Window

SPEC = ModelSpec(
    name="level",
    version="1",
    sha256="0" * 64,
    sample_rate_hz=100.0,
    n_samples=512,
    component_sets=("ZNE", "Z"),
    highpass_hz=1.0,
    transform="rfft-over-background/1",
    classes=("noise", "earthquake"),
    trigger_classes=("earthquake",),
    on=0.9,
    off=0.8,
    min_windows=2,
    hop_s=0.5,
)
INSTRUMENT = InstrumentId(network="XX", station="ST1", location="", band="H", source="H")
DAY = obspy.UTCDateTime(2020, 1, 1)


class LevelModel:
    """Stands for a trained network; ``offset`` makes another of the same kind."""

    def __init__(self, offset=0.5, **changes):
        self.spec = ModelSpec(**{**{n: getattr(SPEC, n) for n in SPEC.__slots__}, **changes})
        self._offset = offset
        self.n_scored = 0

    def predict(self, features):
        self.n_scored += len(features)
        p = 1 / (1 + np.exp(-20 * (features.mean(axis=(1, 2)) - self._offset)))
        return np.stack([1 - p, p], axis=1).astype(np.float32)


def made_sweep(alarms, *, hours=1.0, hits=None, station="XX.V1", label="m", family="level"):
    """Results of so many false alarms at each threshold, and of one earthquake that is found or not."""
    arrival = Arrival(station="XX.Q", p_ns=0, s_ns=NS_PER_S, quality="A", event="e", snr=12.0)
    outcomes = []
    for n, hit in zip(alarms, hits or [0] * len(alarms), strict=True):
        found = [
            Found(station=station, onset_ns=(100 + i) * NS_PER_S, announced_ns=(103 + i) * NS_PER_S)
            for i in range(n)
        ]
        if hit:
            found.append(Found(station="XX.Q", onset_ns=0, announced_ns=2 * NS_PER_S))
        outcomes.append(judge(found, [arrival]))
    recordings = RecordingSet(
        folder=Path(f"/nowhere/{label}"),
        arrivals=(arrival,) if hits else (),
        excluded={},
        measures_recall=bool(hits),
        measures_false_alarms=True,
    )
    part = SetSweep(recordings=recordings, hours={station: hours}, outcomes=tuple(outcomes))
    thresholds = tuple(Threshold(on=0.1 * (i + 1), off=0.05, min_windows=2) for i in range(len(alarms)))
    return Sweep(label=label, family=family, thresholds=thresholds, sets=(part,))


def burst(rng, n):
    """Ground motion [3, n] of 3-15 Hz that decays over seconds."""
    t = np.arange(n) / 100
    out = sum(rng.uniform(0.3, 1, (3, 1)) * np.sin(2 * np.pi * hz * t) for hz in rng.uniform(3, 15, 6))
    return 8 * out * np.exp(-t / 4)


def write_set(folder, *, n_s=180, bursts_s=(60, 120), station="ST1", seed=0):
    """Write ``mseed/`` of one station with three components."""
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((3, n_s * 100))
    for at_s in bursts_s:
        samples[:, at_s * 100 : at_s * 100 + 800] += 5 * burst(rng, 800)
    (folder / "mseed").mkdir(parents=True, exist_ok=True)
    for code, row in zip("ZNE", samples, strict=True):
        trace = obspy.Trace((100 * row).astype(np.int32))
        trace.stats.update(
            {"network": "XX", "station": station, "channel": f"HH{code}", "sampling_rate": 100.0}
        )
        trace.stats.starttime = DAY
        trace.write(str(folder / "mseed" / f"{station}.{code}.mseed"), format="MSEED")
    return folder


def scored_windows(probabilities, *, hop_s=0.5, missing=(), levels=None):
    """Windows on the grid with these probabilities of an earthquake; some may be missing."""
    hop = round(hop_s * 100)
    first = DAY.ns // NS_PER_S * 100
    kept = [i for i in range(len(probabilities)) if i not in missing]
    windows = [
        Window(
            instrument_id=INSTRUMENT,
            start_index=first + i * hop,
            start_ns=(first + i * hop) * NS_PER_S // 100,
            end_ns=(first + i * hop + 512) * NS_PER_S // 100,
            components=("Z", "N", "E"),
            received_ns=(first + i * hop + 512) * NS_PER_S // 100,
            level_db=20.0 if levels is None else levels[i],
            vertical_db=-2.0,
        )
        for i in kept
    ]
    p = np.array([probabilities[i] for i in kept], dtype=np.float32)
    return ScoredWindows(
        instrument_id=INSTRUMENT,
        windows=windows,
        end_ns=np.array([window.end_ns for window in windows], dtype=np.int64),
        probabilities=np.stack([1 - p, p], axis=1).reshape(-1, 2),
    )
