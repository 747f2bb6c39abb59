"""
Log what happens at stations: changes of state and detections, throttled per station.

The feed and its journal have everything; the log is for whoever watches the service.
"""

import structlog

from quake_stream.publish.iso8601 import format_utc
from quake_stream.stations import StationStatus
from quake_stream.throttle import Summary, Throttle
from quake_stream.types import Detection, DetectionState

log = structlog.get_logger()

_EVENTS = {state: f"detection.{state}" for state in DetectionState}
# Each detection is two lines, and a station with aftershocks has a detection every few minutes.  A large
# earthquake triggers a whole network within a minute or two.
_DETECTIONS_PER_HOUR = 30
_DETECTIONS_TOGETHER = 100


class StationLog:
    """Lines about stations; each method takes monotonic seconds."""

    def __init__(self) -> None:
        self._states = Throttle()
        self._detections = Throttle(n_free=2 * _DETECTIONS_PER_HOUR, n_together=_DETECTIONS_TOGETHER)

    def state(self, status: StationStatus, now_s: float) -> None:
        """Say that an instrument changed its state."""
        instrument = str(status.instrument_id)
        if self._states.admit(instrument, status.state, now_s):
            log.info(
                "station.state",
                instrument=instrument,
                state=status.state,
                **({"reason": status.reason} if status.reason else {}),
            )

    def detection(self, detection: Detection, now_s: float) -> None:
        """Say that a detection began or ended; that it goes on is for the feed, and of use here to debug."""
        instrument = str(detection.instrument_id)
        is_update = detection.state is DetectionState.UPDATE
        if not is_update and not self._detections.admit(instrument, detection.state, now_s):
            return
        tell = log.debug if is_update else log.info
        tell(
            _EVENTS[detection.state],
            instrument=instrument,
            id=detection.id,
            revision=detection.revision,
            onset=format_utc(detection.onset_ns),
            probability=round(detection.peak_probability, 4),
            latency_s=round(detection.latency.total_s, 3),
            **({"reason": detection.reason} if detection.reason else {}),
        )

    def sum_up(self, now_s: float) -> None:
        """Sum up what was held back; to be called about every second."""
        for summary in self._states.summaries(now_s):
            _tell("station.changes" if summary.changes else "station.steady", summary)
        for summary in self._detections.summaries(now_s):
            if summary.changes:
                _tell("detection.many", summary)


def _tell(event: str, summary: Summary) -> None:
    changes = {"changes": dict(summary.changes)} if summary.changes else {}
    if summary.n_subjects == 1:
        log.info(event, instrument=summary.subjects[0], state=next(iter(summary.states)), **changes)
    else:
        log.info(
            event,
            n_instruments=summary.n_subjects,
            instruments=[*summary.subjects, "..."],
            states=dict(summary.states),
            **changes,
        )
