"""
Log what becomes wrong with the service and what becomes right again: on change, throttled for each problem.

The health report has all of it at any time.
"""

from collections.abc import Sequence

import structlog

from quake_stream.health import Health
from quake_stream.symptoms import Problem
from quake_stream.throttle import Throttle

log = structlog.get_logger()


class ServiceLog:
    """Lines about the service as a whole; ``now_s`` is monotonic."""

    def __init__(self) -> None:
        self._throttle = Throttle()
        self._kinds: frozenset[str] = frozenset()

    def report(self, problems: Sequence[Problem], now_s: float) -> None:
        """Say what changed since the last report; to be called about every second."""
        kinds = frozenset(problem.kind for problem in problems)
        began, ended = kinds - self._kinds, self._kinds - kinds
        self._kinds = kinds
        changes = [*((kind, "wrong") for kind in began), *((kind, "right") for kind in ended)]
        admitted = [self._throttle.admit(kind, state, now_s) for kind, state in sorted(changes)]
        if any(admitted):
            if kinds:
                over = {"over": sorted(ended)} if ended else {}
                log.warning("service.degraded", reasons=[problem.words for problem in problems], **over)
            else:
                log.info("service.recovered")
        for summary in self._throttle.summaries(now_s):
            log.info(
                "service.changes" if summary.changes else "service.steady",
                problems=list(summary.subjects),
                states=dict(summary.states),
                changes=dict(summary.changes),
            )

    def heartbeat(self, health: Health) -> None:
        """Sum up how the service is."""
        log.info(
            "service.heartbeat",
            state=health.state,
            reasons=list(health.reasons),
            instruments=dict(health.stations),
            windows_per_s=round(health.windows_per_s, 1),
            queue_depth=health.queue_depth,
            n_detections=health.n_detections,
            counts=health.counts,
        )
