"""What was last told of each detection that goes on, so that it can be ended whatever becomes of its trigger.  Pure."""

from dataclasses import replace

from quake_stream.source_id import InstrumentId
from quake_stream.types import Detection, DetectionState

_OVER = {DetectionState.END, DetectionState.RETRACT}


class Told:
    """The latest message of each open detection: one for each instrument at most."""

    def __init__(self) -> None:
        self._open: dict[InstrumentId, Detection] = {}

    def note(self, detections: list[Detection]) -> list[Detection]:
        """Note messages that are told now, in their order; gives them back."""
        for detection in detections:
            if detection.state in _OVER:
                self._open.pop(detection.instrument_id, None)
            else:
                self._open[detection.instrument_id] = detection
        return detections

    def end(self, instrument_id: InstrumentId, reason: str) -> list[Detection]:
        """End what was told to be on at an instrument, at its peak: all that is known for sure to belong to it."""
        last = self._open.pop(instrument_id, None)
        if last is None:
            return []
        off_ns, revision = last.peak_ns, last.revision + 1
        return [replace(last, state=DetectionState.END, revision=revision, off_ns=off_ns, reason=reason)]
