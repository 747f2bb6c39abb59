"""
Detector and model in one: packets in, detections out.

The one code path of live service and offline scan.  No thread, socket or log; time comes from the clock
given.
"""

from collections.abc import Iterator

from quake_stream.clock import Clock
from quake_stream.detection.detector import Detector
from quake_stream.protocols import Model
from quake_stream.types import Detection, Gap, Packet


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
    """

    def __init__(self, *, detector: Detector, model: Model, clock: Clock) -> None:
        self.detector = detector
        self._model = model
        self._clock = clock
        self.n_windows = 0
        self.last_batch_ns: int | None = None

    def receive(self, packet: Packet) -> list[Gap | Detection]:
        """Take a packet; returns gaps, and detections that a gap has closed."""
        self._clock.see(packet)
        return self.detector.receive(packet)

    def score(self, *, flush: bool = False) -> Iterator[Detection]:
        """Run the model on every batch that is full or due, or with ``flush`` on all that waits."""
        while (batch := self.detector.next_batch(self._clock.now_ns(), flush=flush)) is not None:
            scores = self._model.predict(batch.features)
            self.n_windows += len(batch.windows)
            self.last_batch_ns = self._clock.now_ns()
            yield from self.detector.receive_scores(batch, scores, self.last_batch_ns)

    def wait_s(self, limit_s: float) -> float:
        """Seconds until the next batch is due, at most ``limit_s``."""
        deadline_ns = self.detector.deadline_ns()
        if deadline_ns is None:
            return limit_s
        return min(limit_s, max(0.0, (deadline_ns - self._clock.now_ns()) / 1e9))

    def finish(self) -> Iterator[Detection]:
        """Score what waits and close every open detection."""
        yield from self.score(flush=True)
        yield from self.detector.finish()
