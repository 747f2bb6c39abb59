"""
What a method finds on every set for every threshold: the model by the service's trigger, STA/LTA by ObsPy's.

Nothing is chosen here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from quake_stream.detection.trigger import TriggerSettings
from quake_stream.evaluation.matching import Found, Outcome, Span, judge, outside
from quake_stream.evaluation.scored import ScoreCurve, ScoredWindows
from quake_stream.evaluation.sets import RecordingSet
from quake_stream.evaluation.stalta import Ratio, detections
from quake_stream.evaluation.triggering import run_trigger
from quake_stream.source_id import InstrumentId
from quake_stream.training.split import split_of
from quake_stream.training.streams import subtract
from quake_stream.types import NS_PER_S, ModelSpec

_LOGITS: Final = np.concatenate([np.arange(-1.5, 6.0, 0.1), np.arange(6.0, 11.6, 0.25)])
MODEL_ON: Final = tuple(dict.fromkeys(round(float(p), 5) for p in 1 / (1 + np.exp(-_LOGITS))))
"""Thresholds tried: evenly spaced in log odds, from 0.18 to 0.9975 and wider from there to 0.99999."""

STALTA_ON: Final = tuple(round(float(r), 3) for r in 1.5 * 1.06 ** np.arange(64))
"""Ratios tried: 1.5 to 59, each 6 % above the last."""

STALTA_OFF_SHARES: Final = (0.1, 0.25, 0.5)
"""Off as a share of on; the one that favours STA/LTA is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One setting: on, off, and windows in a row (1 for STA/LTA)."""

    on: float
    off: float
    min_windows: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSweep:
    """
    One set: hours in which the method could have detected, by station, and the outcome of each threshold.

    ``curves`` are what a model's thresholds were held against.
    """

    recordings: RecordingSet
    hours: Mapping[str, float]
    outcomes: tuple[Outcome, ...]
    curves: tuple[ScoreCurve, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A method over all sets; ``thresholds`` rise, ``family`` is shared by what differs in its seed only."""

    label: str
    family: str
    thresholds: tuple[Threshold, ...]
    sets: tuple[SetSweep, ...]


def model_thresholds(spec: ModelSpec, min_windows: int) -> tuple[Threshold, ...]:
    """Every ``on``, with off in the proportion that the model's card recommends."""
    share = spec.off / spec.on
    return tuple(Threshold(on=on, off=share * on, min_windows=min_windows) for on in MODEL_ON)


def stalta_thresholds(off_share: float) -> tuple[Threshold, ...]:
    """Every ratio, with this share for off."""
    return tuple(Threshold(on=on, off=off_share * on) for on in STALTA_ON)


def sweep_model(
    recordings: RecordingSet,
    scored: Mapping[InstrumentId, ScoredWindows],
    spec: ModelSpec,
    thresholds: Sequence[Threshold],
    hop_s: float,
) -> SetSweep:
    """Run the service's trigger for every threshold."""
    hours: defaultdict[str, float] = defaultdict(float)
    for part in scored.values():
        station = part.instrument_id.nsl
        hours[station] += hours_outside(part, recordings.excluded.get(station, ()), hop_s)
    found = (run_trigger(scored, spec, settings_of(threshold), hop_s) for threshold in thresholds)
    return SetSweep(
        recordings=recordings,
        hours=dict(hours),
        outcomes=_outcomes(recordings, found),
        curves=tuple(
            ScoreCurve(
                instrument_id=part.instrument_id,
                end_ns=part.end_ns,
                probability=part.triggering(spec).astype(np.float32),
            )
            for part in scored.values()
        ),
    )


def sweep_stalta(
    recordings: RecordingSet, ratios: Sequence[Ratio], thresholds: Sequence[Threshold]
) -> SetSweep:
    """Trigger on STA/LTA for every threshold."""
    hours: defaultdict[str, float] = defaultdict(float)
    for ratio in ratios:
        station = ratio.instrument_id.nsl
        live = subtract(ratio.live, recordings.excluded.get(station, ()))
        hours[station] += sum(stop - start for start, stop in live) / NS_PER_S / 3600
    found = (detections(ratios, on=threshold.on, off=threshold.off) for threshold in thresholds)
    return SetSweep(recordings=recordings, hours=dict(hours), outcomes=_outcomes(recordings, found))


def is_held_out(recordings: RecordingSet, station: str) -> bool:
    """
    Whether training may not have seen a station's background.

    Sets with a list of events are for evaluation only; of the others training takes all stations but those
    of its validation part.
    """
    return bool(recordings.arrivals) or split_of(station) == "val"


def settings_of(threshold: Threshold) -> TriggerSettings:
    """Turn a threshold into settings of the service's trigger."""
    return TriggerSettings(on=threshold.on, off=threshold.off, min_windows=threshold.min_windows)


def hours_outside(part: ScoredWindows, excluded: Iterable[Span], hop_s: float) -> float:
    """Hours of an instrument in which windows ended outside excluded spans."""
    inside = np.zeros(len(part), dtype=np.bool_)
    for start, stop in excluded:
        inside |= (part.end_ns >= start) & (part.end_ns < stop)
    return int((~inside).sum()) * hop_s / 3600


def _outcomes(recordings: RecordingSet, found: Iterable[Sequence[Found]]) -> tuple[Outcome, ...]:
    return tuple(judge(outside(each, recordings.excluded), recordings.arrivals) for each in found)
