"""
Gather the health report from the parts of the running service.

It looks only: nothing is written, logged or judged here (`quake_stream.health` judges).
"""

import os
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import quake_stream
from quake_stream.counters import Key, by_reason
from quake_stream.health import Health, assess, is_ready, state_of
from quake_stream.intake import Intake
from quake_stream.packet_queue import PacketQueue
from quake_stream.symptoms import Problem, Symptoms
from quake_stream.types import ModelSpec
from quake_stream.worker import Worker

LATELY_S = 60.0
# Reports come every second.
_FRESH_S = 10.0


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
        self.worker = worker
        self._intakes = intakes
        self.queue = queue
        self._spec = spec
        self._stale_after_s = stale_after_s
        self._started_s = started_s
        self._drops: deque[tuple[float, int]] = deque([(started_s, 0)])
        self.latest: Health | None = None  # as last reported; any thread may look at it
        self._symptoms = Symptoms()
        self.problems: tuple[Problem, ...] = ()  # as last reported

    def health(self, now_s: float, counts: Mapping[Key, int], stuck: Iterable[str] = ()) -> Health:
        """
        Report on this moment (monotonic).

        ``counts`` are all counters of the service, ``stuck`` the names of its loops that do not turn.
        """
        sources = tuple(intake.health(now_s) for intake in self._intakes)
        stations = self.worker.stations()
        symptoms = self._symptoms.look(counts, now_s)
        stuck = tuple(stuck)
        uptime_s = now_s - self._started_s
        found = assess(
            sources=sources,
            lost=self._symptoms.lost,
            stations=stations,
            n_dropped_lately=self._dropped_lately(now_s, counts),
            feed_problem=self.worker.feed_problem,
            stuck=stuck,
            stale_after_s=self._stale_after_s,
            uptime_s=uptime_s,
        )
        self.problems = (*found, *symptoms)
        self.latest = Health(
            state=state_of(self.problems, live=not stuck),
            live=not stuck,
            ready=is_ready(sources, self._stale_after_s),
            reasons=tuple(problem.words for problem in self.problems),
            written_s=time.time(),
            pid=os.getpid(),
            uptime_s=round(uptime_s, 1),
            version=quake_stream.__version__,
            model=self._spec.name,
            model_sha256=self._spec.sha256,
            sources=sources,
            stations=stations,
            queue_depth=len(self.queue),
            windows_per_s=round(self.worker.windows_per_s, 1),
            n_detections=self.worker.n_detections,
            counts=by_reason(counts),
        )
        return self.latest

    def is_live(self, now_s: float) -> bool:
        """Whether all loops turn, the one that reports included; callable from any thread."""
        latest = self.latest
        return latest is not None and latest.live and now_s - self._started_s - latest.uptime_s < _FRESH_S

    def _dropped_lately(self, now_s: float, counts: Mapping[Key, int]) -> int:
        # What is too old came from a slower server as well, or it is missing and shows as a gap.
        n_dropped = sum(
            n for key, n in counts.items() if key.name.endswith(".dropped") and key.reason != "too_old"
        )
        self._drops.append((now_s, n_dropped))
        # The first entry is the state before the interval, so that what came at its start is not lost.
        while len(self._drops) > 1 and self._drops[1][0] <= now_s - LATELY_S:
            self._drops.popleft()
        return n_dropped - self._drops[0][1]
