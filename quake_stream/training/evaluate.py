"""
Run a model over recordings as the service would, and count hits and false alarms for many thresholds.

The windows are scored once, by the service's own `Detector`; the trigger then runs for each setting.
A quick look to choose thresholds by, not a benchmark: it says nothing of what it was tuned on.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.detection.detector import Detector, DetectorSettings
from quake_stream.detection.trigger import Trigger, TriggerSettings
from quake_stream.mseed.archive import index
from quake_stream.mseed.decode import decode
from quake_stream.mseed.record import RecordError
from quake_stream.protocols import Model
from quake_stream.training.matching import Found, quantile, read_arrivals, tally
from quake_stream.training.streams import read_excluded
from quake_stream.types import Batch, DetectionState, InstrumentId, ModelSpec, Window

THRESHOLDS: Final = (0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99)
MIN_WINDOWS: Final = (1, 2, 3)
OFF_SHARE: Final = 0.9

Scored = dict[InstrumentId, list[tuple[Window, tuple[float, ...]]]]


def evaluate_streams(
    model: Model,
    folders: Iterable[Path],
    *,
    hop_s: float,
    thresholds: Sequence[float] = THRESHOLDS,
    min_windows: Sequence[int] = MIN_WINDOWS,
    off_share: float = OFF_SHARE,
    report: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """
    Evaluate every setting of the trigger on every set of recordings.

    Parameters
    ----------
    model
        The model to judge.
    folders
        Sets: ``mseed/`` with, where there are, ``events.csv`` and ``exclude.csv``.
    hop_s
        Distance between windows.
    thresholds, min_windows
        Settings to try, in all combinations.
    off_share
        Threshold for off as a share of that for on.
    report
        Told the name of each set that is done.

    Returns
    -------
    One row for each set and setting, ready for JSON: recall of A and of A + B, detections, detections that
    match no earthquake with their number per station-hour, and the delay of A (median and 90 %).

    Raises
    ------
    SourceError
        A set holds no recordings.
    """
    rows = []
    for folder in folders:
        scored = score_recordings(model, [folder / "mseed"], hop_s=hop_s)
        for on, n in itertools.product(thresholds, min_windows):
            settings = TriggerSettings(on=on, off=off_share * on, min_windows=n)
            rows.append(_row(folder, scored, model.spec, settings, hop_s))
        report(f"{folder.name}: {sum(map(len, scored.values()))} windows")
    return rows


def score_recordings(model: Model, paths: Sequence[Path], *, hop_s: float) -> Scored:
    """
    Score every window of recordings, in data time.

    Returns
    -------
    For each instrument its windows, in order, with the class probabilities.
    """
    detector = _detector(model.spec, hop_s)
    scored: Scored = defaultdict(list)

    def score(batch: Batch) -> None:
        probabilities: NDArray[np.float32] = model.predict(batch.features)
        for window, row in zip(batch.windows, probabilities.tolist(), strict=True):
            scored[window.instrument_id].append((window, tuple(row)))
        detector.receive_scores(batch, probabilities, batch.created_ns)

    now_ns = 0
    for record, header in index(paths, counters=Counters()).iter_records():
        try:
            packet = decode(record, received_ns=header.end_ns, header=header)
        except RecordError:
            continue  # text records and the like: `index` has shown that the file can be read
        now_ns = max(now_ns, packet.received_ns)
        detector.receive(packet)
        while (batch := detector.next_batch(now_ns)) is not None:
            score(batch)
    while (batch := detector.next_batch(now_ns, flush=True)) is not None:
        score(batch)
    return dict(scored)


def run_trigger(scored: Scored, spec: ModelSpec, settings: TriggerSettings, hop_s: float) -> list[Found]:
    """Let the service's trigger decide on scored windows; retracted detections count as well."""
    found = []
    for instrument_id, windows in scored.items():
        trigger = Trigger(
            instrument_id=instrument_id,
            spec=spec,
            hop_samples=round(hop_s * spec.sample_rate_hz),
            settings=settings,
        )
        for window, probabilities in windows:
            for change in trigger.receive(window, probabilities):
                if change.state is DetectionState.NEW:
                    onset_ns = (change.first.start_ns + change.first.end_ns) // 2
                    found.append(
                        Found(station=instrument_id.nsl, onset_ns=onset_ns, announced_ns=window.end_ns)
                    )
    return found


def _row(
    folder: Path, scored: Scored, spec: ModelSpec, settings: TriggerSettings, hop_s: float
) -> dict[str, Any]:
    excluded = read_excluded(folder / "exclude.csv")
    found = run_trigger(scored, spec, settings, hop_s)
    result = tally(found, read_arrivals(folder / "events.csv"), excluded)
    n_windows = sum(
        not any(a <= window.end_ns < b for a, b in excluded.get(instrument_id.nsl, ()))
        for instrument_id, windows in scored.items()
        for window, _ in windows
    )
    hours = n_windows * hop_s / 3600
    n_all = result.n_a + result.n_b
    return {
        "set": folder.name,
        "on": settings.on,
        "off": round(settings.off, 4),
        "min_windows": settings.min_windows,
        "station_hours": round(hours, 3),
        "n_a": result.n_a,
        "recall_a": result.n_found_a / result.n_a if result.n_a else None,
        "n_ab": n_all,
        "recall_ab": (result.n_found_a + result.n_found_b) / n_all if n_all else None,
        "n_detections": result.n_detections,
        "n_unmatched": result.n_false,
        "unmatched_per_hour": result.n_false / hours if hours else None,
        "delay_median_s": quantile(result.delays_s, 0.5),
        "delay_90_s": quantile(result.delays_s, 0.9),
    }


def _detector(spec: ModelSpec, hop_s: float) -> Detector:
    # Data time: windows may wait long for company, and none is ever too old.
    settings = DetectorSettings(
        hop_s=hop_s,
        ring_s=120.0,
        max_future_s=60.0,
        component_wait_s=10.0,
        max_batch_windows=256,
        max_wait_s=60.0,
        max_latency_s=1e6,
    )
    off = TriggerSettings(on=1.0, off=1.0, min_windows=1_000_000)  # the sweep triggers, not this
    return Detector(
        spec=spec,
        settings=settings,
        trigger_for=lambda _: off,
        pick_onset=None,
        counters=Counters(),
    )
