"""Run the service's trigger over scored windows, for one setting after another.  Pure."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.detection.trigger import Trigger, TriggerSettings
from quake_stream.evaluation.matching import Found
from quake_stream.evaluation.scored import ScoredWindows
from quake_stream.source_id import InstrumentId
from quake_stream.types import DetectionState, ModelSpec

LEAD_S: Final = 12.0
"""What the trigger sees before the first window at or above ``on``: more than it remembers while off."""

_ROUNDING: Final = 1e-4  # more than the trigger's own rounding of probabilities can move a sum


def run_trigger(
    scored: Mapping[InstrumentId, ScoredWindows], spec: ModelSpec, settings: TriggerSettings, hop_s: float
) -> list[Found]:
    """
    Let the service's trigger decide on scored windows; retracted detections count as well.

    The onset is the middle of the triggering window, as the service has it where no onset can be picked.
    """
    found: list[Found] = []
    for part in scored.values():
        found += _detections(part, spec, settings, hop_s)
    return found


def _detections(
    part: ScoredWindows, spec: ModelSpec, settings: TriggerSettings, hop_s: float
) -> Iterator[Found]:
    hop_samples = round(hop_s * spec.sample_rate_hz)
    trigger = Trigger(instrument_id=part.instrument_id, spec=spec, hop_samples=hop_samples, settings=settings)
    triggering = part.triggering(spec)
    rising: NDArray[np.intp] = np.flatnonzero(triggering >= settings.on - _ROUNDING)
    n_lead, done = math.ceil(LEAD_S / hop_s), 0
    while (place := int(np.searchsorted(rising, done))) < len(rising):
        # Nothing begins while all stays below ``on``, so what lies far before the next rise is passed over.
        done = max(done, int(rising[place]) - n_lead)
        while done < len(part):
            window = part.windows[done]
            for change in trigger.receive(window, part.probabilities[done].tolist()):
                if change.state is DetectionState.NEW:
                    yield Found(
                        station=part.instrument_id.nsl,
                        onset_ns=(change.first.start_ns + change.first.end_ns) // 2,
                        announced_ns=window.end_ns,
                    )
            is_quiet = not trigger.is_on and triggering[done] < settings.off - _ROUNDING
            done += 1
            if is_quiet and done > rising[place]:
                break
