"""
Score recordings by the service's own `Detector`, in data time; no trigger yet, and nothing is judged.

Models that look at the same features share the work of making them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.detection.detector import Detector, DetectorSettings
from quake_stream.detection.trigger import TriggerSettings
from quake_stream.evaluation.scored import ScoredWindows
from quake_stream.mseed.archive import ALL_STREAMS, RecordIndex, index
from quake_stream.mseed.decode import decode
from quake_stream.mseed.record import RecordError
from quake_stream.protocols import Model
from quake_stream.selection import StreamPattern
from quake_stream.source_id import InstrumentId
from quake_stream.types import Batch, ModelSpec, Packet, Window

Scored = dict[InstrumentId, ScoredWindows]

BATCH_WINDOWS: Final = 256

_REPORT_EVERY: Final = 500  # records


def score_recordings(
    models: Sequence[Model],
    paths: Sequence[Path],
    *,
    hop_s: float,
    include: Sequence[StreamPattern] = ALL_STREAMS,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Scored]:
    """
    Score every window of recordings by every model.

    Parameters
    ----------
    models
        Those with the same windows and features are fed together.
    paths
        miniSEED files or folders.
    hop_s
        Distance between windows.
    include
        Streams to read.
    progress
        Told the share of the records that were read.

    Returns
    -------
    For each model the scored windows by instrument.

    Raises
    ------
    SourceError
        There are no such recordings.
    """
    records = index(paths, counters=Counters(), include=include)
    runs = [_Run(group, hop_s) for group in _by_input(models).values()]
    for number, packet in enumerate(_packets(records)):
        for run in runs:
            run.receive(packet)
        if number % _REPORT_EVERY == 0:
            progress(number / len(records))
    scored: dict[int, Scored] = {}
    for run in runs:
        scored |= run.finish()
    return [scored[id(model)] for model in models]


def _packets(records: RecordIndex) -> Iterator[Packet]:
    for record, header in records.iter_records():
        try:
            yield decode(record, received_ns=header.end_ns, header=header)
        except RecordError:
            continue  # text records and the like: `index` has shown that the file can be read


def _by_input(models: Sequence[Model]) -> dict[tuple[object, ...], list[Model]]:
    groups: dict[tuple[object, ...], list[Model]] = defaultdict(list)
    for model in models:
        spec = model.spec
        key = (
            spec.sample_rate_hz,
            spec.n_samples,
            spec.component_sets,
            spec.highpass_hz,
            spec.transform,
        )
        groups[key].append(model)
    return groups


class _Run:
    """One detector that feeds models of the same input."""

    def __init__(self, models: Sequence[Model], hop_s: float) -> None:
        self._models = models
        self._detector = _detector(models[0].spec, hop_s)
        self._now_ns = 0
        self._windows: dict[InstrumentId, list[Window]] = defaultdict(list)
        self._rows: list[dict[InstrumentId, list[NDArray[np.float32]]]] = [defaultdict(list) for _ in models]

    def receive(self, packet: Packet) -> None:
        self._now_ns = max(self._now_ns, packet.received_ns)
        self._detector.receive(packet)
        self._score(flush=False)

    def finish(self) -> dict[int, Scored]:
        """Score what waits; the result of each model by its identity."""
        self._score(flush=True)
        return {id(model): self._gather(rows) for model, rows in zip(self._models, self._rows, strict=True)}

    def _gather(self, rows: dict[InstrumentId, list[NDArray[np.float32]]]) -> Scored:
        return {
            instrument_id: ScoredWindows(
                instrument_id=instrument_id,
                windows=windows,
                end_ns=np.array([window.end_ns for window in windows], dtype=np.int64),
                probabilities=np.stack(rows[instrument_id]),
            )
            for instrument_id, windows in self._windows.items()
        }

    def _score(self, *, flush: bool) -> None:
        while (batch := self._detector.next_batch(self._now_ns, flush=flush)) is not None:
            self._take(batch)

    def _take(self, batch: Batch) -> None:
        for window in batch.windows:
            self._windows[window.instrument_id].append(window)
        for model, rows in zip(self._models, self._rows, strict=True):
            probabilities = model.predict(batch.features)
            for window, row in zip(batch.windows, probabilities, strict=True):
                rows[window.instrument_id].append(row)
            if model is self._models[0]:
                self._detector.receive_scores(batch, probabilities, batch.created_ns)


def _detector(spec: ModelSpec, hop_s: float) -> Detector:
    # Data time: windows may wait long for company, and none is ever too old.
    settings = DetectorSettings(
        hop_s=hop_s,
        ring_s=120.0,
        max_future_s=60.0,
        component_wait_s=10.0,
        max_batch_windows=BATCH_WINDOWS,
        max_wait_s=60.0,
        max_latency_s=1e6,
    )
    never = TriggerSettings(on=1.0, off=1.0, min_windows=1_000_000)  # the sweep triggers, not this
    return Detector(
        spec=spec,
        settings=settings,
        trigger_for=lambda _: never,
        pick_onset=None,
        counters=Counters(),
    )
