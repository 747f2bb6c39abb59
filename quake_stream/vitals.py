"""
Gather the health report from the parts of the running service.

It looks only: nothing is written, logged or judged here (`quake_stream.health` judges).
"""

import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import quake_stream
from quake_stream.counters import Key, by_reason
from quake_stream.health import Health, SourceHealth, assess
from quake_stream.packet_queue import PacketQueue
from quake_stream.protocols import Source
from quake_stream.types import ModelSpec, Packet
from quake_stream.worker import Worker

LATELY_S = 60.0


class Intake:
    """A source with what its thread delivers: how much, and when last."""

    def __init__(self, source: Source, put: Callable[[Packet], None]) -> None:
        self.source = source
        self._put = put
        self._n_packets = 0
        self._last_packet_s: float | None = None

    def run(self) -> None:
        """Body of the source's thread."""
        self.source.run(self._deliver)

    def health(self, now_s: float) -> SourceHealth:
        """State for the health report; ``now_s`` is monotonic."""
        age_s = None if self._last_packet_s is None else now_s - self._last_packet_s
        return SourceHealth(name=self.source.name, n_packets=self._n_packets, last_packet_age_s=age_s)

    def _deliver(self, packet: Packet) -> None:
        self._n_packets += 1
        self._last_packet_s = time.monotonic()
        self._put(packet)


class Vitals:
    """
    Reports on one run of the service.

    Parameters
    ----------
    worker, intakes, queue, spec
        What is looked at.
    stale_after_s
        A source without packets for so long is a reason to call the service degraded.
    started_s
        When the service started (monotonic).
    """

    def __init__(
        self,
        *,
        worker: Worker,
        intakes: Sequence[Intake],
        queue: PacketQueue,
        spec: ModelSpec,
        stale_after_s: float,
        started_s: float,
    ) -> None:
        self._worker = worker
        self._intakes = intakes
        self._queue = queue
        self._spec = spec
        self._stale_after_s = stale_after_s
        self._started_s = started_s
        self._drops: deque[tuple[float, int]] = deque([(started_s, 0)])
        self.n_dropped_lately = 0  # packets and windows in the last `LATELY_S` before the latest report

    def health(self, now_s: float, counts: Mapping[Key, int]) -> Health:
        """Report on this moment (monotonic); ``counts`` are all counters of the service."""
        sources = tuple(intake.health(now_s) for intake in self._intakes)
        stations = self._worker.stations()
        self.n_dropped_lately = self._dropped_lately(now_s, counts)
        uptime_s = now_s - self._started_s
        state, reasons = assess(
            sources=sources,
            stations=stations,
            n_dropped_lately=self.n_dropped_lately,
            feed_problem=self._worker.feed_problem,
            stale_after_s=self._stale_after_s,
            uptime_s=uptime_s,
        )
        return Health(
            state=state,
            reasons=reasons,
            written_s=time.time(),
            pid=os.getpid(),
            uptime_s=round(uptime_s, 1),
            version=quake_stream.__version__,
            model=self._spec.name,
            model_sha256=self._spec.sha256,
            sources=sources,
            stations=stations,
            queue_depth=len(self._queue),
            windows_per_s=round(self._worker.windows_per_s, 1),
            n_detections=self._worker.n_detections,
            counts=by_reason(counts),
        )

    def _dropped_lately(self, now_s: float, counts: Mapping[Key, int]) -> int:
        n_dropped = sum(n for key, n in counts.items() if key.name.endswith(".dropped"))
        self._drops.append((now_s, n_dropped))
        # The first entry is the state before the interval, so that what came at its start is not lost.
        while len(self._drops) > 1 and self._drops[1][0] <= now_s - LATELY_S:
            self._drops.popleft()
        return n_dropped - self._drops[0][1]
