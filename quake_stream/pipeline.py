"""
Detector and model in one: packets in, detections out.

The one code path of live service and offline scan.  No thread, socket or log; time comes from the clock
given.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from quake_stream.clock import Clock
from quake_stream.detection.detector import Detector
from quake_stream.protocols import Model
from quake_stream.salvage import salvage
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, Batch, Detection, Gap, Packet

# Windows wait for company no longer than this much data of their instrument: in a backfill, where minutes of
# data come at once, the ring would otherwise overwrite the samples of windows that wait.
_MAX_BURST_NS = 5 * NS_PER_S


class Pipeline:
    """
    Drive a `Detector` with a `Model`.

    Parameters
    ----------
    detector
        Windows, features and triggers.
    model
        Scores batches of features.
    clock
        The host's for live data, a `DataClock` for recordings.
    tell_failure
        Told of each batch that failed: the instruments of the windows without scores, one for each, and
        what was wrong.

    Its methods that score raise `InferenceError` where the model fails whatever it is given.
    """

    def __init__(
        self,
        *,
        detector: Detector,
        model: Model,
        clock: Clock,
        tell_failure: Callable[[Sequence[InstrumentId], str], None] | None = None,
    ) -> None:
        self.detector = detector
        self._model = model
        self._clock = clock
        self._tell_failure = tell_failure
        self._burst_starts_ns: dict[InstrumentId, int] = {}
        self.n_windows = 0

    def receive(self, packet: Packet) -> Iterator[Gap | Detection]:
        """Take a packet, and score what is full or due or must not wait; yields gaps and detections."""
        yield from self._score_before(packet.received_ns)
        self._clock.see(packet)
        yield from self.detector.receive(packet)
        yield from self.score(flush=self._is_burst(packet))

    def score(self, *, flush: bool = False) -> Iterator[Detection]:
        """Run the model on every batch that is full or due, or with ``flush`` on all that waits."""
        while (batch := self.detector.next_batch(self._clock.now_ns(), flush=flush)) is not None:
            scores = self._predict(batch)
            yield from self.detector.receive_scores(batch, scores, self._clock.now_ns())

    def wait_s(self, limit_s: float) -> float:
        """Seconds until the next batch is due, at most ``limit_s``."""
        deadline_ns = self.detector.deadline_ns()
        if deadline_ns is None:
            return limit_s
        return min(limit_s, max(0.0, (deadline_ns - self._clock.now_ns()) / 1e9))

    def close_silent(self, instrument_id: InstrumentId) -> Iterator[Detection]:
        """Score what waits and close the open detection of an instrument that sends no data any more."""
        yield from self.score(flush=True)
        yield from self.detector.close_silent(instrument_id)

    def finish(self) -> Iterator[Detection]:
        """Score what waits and close every open detection."""
        yield from self.score(flush=True)
        yield from self.detector.finish()

    def _score_before(self, arrived_ns: int) -> Iterator[Detection]:
        """
        Score what was due before a packet arrived, as of when it was due.

        The clock of a recording jumps with every packet, at times over days: what waits would be too old
        afterwards, and the packet would overwrite its samples.
        """
        while self._clock.now_ns() < arrived_ns:
            due_ns = self.detector.deadline_ns()
            if due_ns is None or due_ns >= arrived_ns:
                return
            batch = self.detector.next_batch(due_ns)
            if batch is not None:
                yield from self.detector.receive_scores(batch, self._predict(batch), due_ns)

    def _predict(self, batch: Batch) -> NDArray[np.float32]:
        self.n_windows += len(batch.windows)
        salvaged = salvage(self._model, batch.features)
        if salvaged.error:
            self.detector.counters.add("batches.failed")
            if self._tell_failure is not None:
                failed = [batch.windows[row].instrument_id for row in salvaged.failed]
                self._tell_failure(failed, salvaged.error)
        return salvaged.scores

    def _is_burst(self, packet: Packet) -> bool:
        """Whether much data of the packet's instrument came since nothing waited."""
        if self.detector.deadline_ns() is None:
            self._burst_starts_ns.clear()
            return False
        start_ns = self._burst_starts_ns.setdefault(packet.source_id.instrument, packet.start_ns)
        if packet.end_ns - start_ns <= _MAX_BURST_NS:
            return False
        self._burst_starts_ns.clear()
        return True
