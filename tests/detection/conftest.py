"""A small seismic network for the tests of the core: noise with bursts, packets, a model, thresholds."""

import heapq
from types import SimpleNamespace

import numpy as np
import pytest

from quake_stream.counters import Counters
from quake_stream.detection.detector import Detector, DetectorSettings
from quake_stream.detection.roster import MAX_INSTRUMENTS
from quake_stream.detection.trigger import TriggerSettings
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, ModelSpec, Packet

RATE_HZ = 100
START_S = 1_700_000_000  # on the grid of windows and of background frames


def make_spec(**changes):
    values = {
        "name": "band",
        "version": "1",
        "sha256": "cd" * 32,
        "sample_rate_hz": 100.0,
        "n_samples": 512,
        "component_sets": ("ZNE", "Z"),
        "highpass_hz": 1.0,
        "transform": "rfft-over-background/1",
        "classes": ("noise", "earthquake"),
        "trigger_classes": ("earthquake",),
        "on": 0.8,
        "off": 0.5,
        "min_windows": 2,
        "hop_s": 0.5,
    }
    return ModelSpec(**(values | changes))


def make_recording(seconds, quakes=(), *, seed=0, n_components=3):
    """
    Noise of 100 counts rms, int32 [components, n]; each quake (onset s, ratio) decays over 4 s.

    A quake's third number, 1 where there is none, multiplies its vertical component.
    """
    rng = np.random.default_rng(seed)
    n = seconds * RATE_HZ
    samples = rng.standard_normal((n_components, n)) * 100
    for onset_s, ratio, *vertical in quakes:
        onset = round(onset_s * RATE_HZ)
        t = np.arange(n - onset) / RATE_HZ
        motion = rng.standard_normal((n_components, n - onset)) * 100 * ratio * np.exp(-t / 4)
        motion[0] *= vertical[0] if vertical else 1
        samples[:, onset:] += motion
    return samples.astype(np.int32)


def make_packets(recording, *, cuts=100, codes="ZNE", station="PB01", start_s=START_S, offset=0, delay_s=0):
    """
    Cut a recording into packets, ordered by their end.

    ``cuts`` is one length for all packets, or for each component an iterable of lengths, the last of
    which is repeated; ``offset`` is the index of the recording's first sample.
    """
    streams = []
    for channel, code in enumerate(codes):
        source_id = SourceId.from_nslc(f"CX.{station}..HH{code}")
        lengths = [cuts] if isinstance(cuts, int) else list(cuts[channel])
        streams.append(
            _cut(
                recording[channel],
                lengths,
                source_id,
                round(start_s * NS_PER_S),
                offset=offset,
                delay_s=delay_s,
            )
        )
    return list(heapq.merge(*streams, key=lambda packet: packet.end_ns))


def _cut(samples, lengths, source_id, epoch_ns, *, offset, delay_s):
    start, i = 0, 0
    while start < len(samples):
        stop = start + lengths[min(i, len(lengths) - 1)]
        i += 1
        start_ns = epoch_ns + (offset + start) * NS_PER_S // RATE_HZ
        end_ns = epoch_ns + (offset + min(stop, len(samples))) * NS_PER_S // RATE_HZ
        yield Packet(
            source_id=source_id,
            start_ns=start_ns,
            sample_rate_hz=float(RATE_HZ),
            samples=samples[start:stop],
            received_ns=end_ns + round(delay_s * NS_PER_S),
        )
        start = stop


def predict(features):
    """Score a batch: the mean rise over the background in bins 5 to 100, made a probability."""
    rows = []
    for row in features:
        rise = float(np.mean(row[5:100][:, np.any(row != 0, axis=0)], dtype=np.float64))
        p = 1 / (1 + np.exp(-12 * (rise - 0.35)))
        rows.append((1 - p, p))
    return np.array(rows, np.float32)


def pick_first_large(samples, sample_rate_hz):
    """Stand in for a picker: the first sample above 8 times the median amplitude of the first 3 s."""
    amplitude = np.abs(samples)
    return float(np.argmax(amplitude > 8 * np.median(amplitude[:300]))), 1 / sample_rate_hz


def make_detector(
    spec=None, *, pick_onset=pick_first_large, trigger=None, max_instruments=MAX_INSTRUMENTS, **changes
):
    values = {
        "hop_s": 0.5,
        "ring_s": 60.0,
        "max_future_s": 60.0,
        "component_wait_s": 10.0,
        "max_batch_windows": 16,
        "max_wait_s": 0.1,
        "max_latency_s": 30.0,
    }
    settings = trigger or TriggerSettings(on=0.8, off=0.5, min_windows=2)
    return Detector(
        spec=spec or make_spec(),
        settings=DetectorSettings(**(values | changes)),
        trigger_for=lambda instrument_id: settings,
        pick_onset=pick_onset,
        counters=Counters(),
        max_instruments=max_instruments,
    )


def score(detector, now_ns, *, flush=False):
    """Run the model on all batches that are ready; returns the detections."""
    detections = []
    while (batch := detector.next_batch(now_ns, flush=flush)) is not None:
        detections += detector.receive_scores(batch, predict(batch.features), now_ns)
    return detections


def run(detector, packets):
    """Feed packets to the end; returns gaps and detections in the order in which they came."""
    results, now_ns = [], 0
    for packet in packets:
        now_ns = max(now_ns, packet.received_ns)
        results += detector.receive(packet)
        results += score(detector, now_ns)
    results += score(detector, now_ns, flush=True)
    return results + detector.finish()


@pytest.fixture(scope="session")
def net():
    return SimpleNamespace(
        START_S=START_S,
        spec=make_spec,
        recording=make_recording,
        packets=make_packets,
        predict=predict,
        detector=make_detector,
        score=score,
        run=run,
    )
