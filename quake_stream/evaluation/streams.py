"""
Evaluate models in the stream, beside STA/LTA at matched false alarms: score, sweep, choose, describe.

The result is plain data, ready for JSON; tables and pictures are drawn from it and from the sweeps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from quake_stream.counters import Counters, by_reason
from quake_stream.evaluation.cache import Recordings, ScoreCache
from quake_stream.evaluation.operating import RATES_PER_HOUR, best_variant, lowest_threshold
from quake_stream.evaluation.points import card_metrics, curve, families, point
from quake_stream.evaluation.scoring import Scored
from quake_stream.evaluation.sets import RecordingSet
from quake_stream.evaluation.stalta import ratios
from quake_stream.evaluation.sweep import (
    STALTA_OFF_SHARES,
    SetSweep,
    Sweep,
    Threshold,
    is_held_out,
    model_thresholds,
    stalta_thresholds,
    sweep_model,
    sweep_stalta,
)
from quake_stream.mseed.archive import ALL_STREAMS, index
from quake_stream.protocols import Model
from quake_stream.selection import StreamPattern, parse_list
from quake_stream.source_id import SourceId

STALTA: Final = "STA/LTA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A model with the label that tells it from others of its kind."""

    label: str
    model: Model


def sweep_all(
    named: Sequence[Named],
    sets: Sequence[RecordingSet],
    cache: ScoreCache,
    *,
    hop_s: float,
    all_stations: bool,
    report: Callable[[str, float], None] = lambda _name, _share: None,
    left_out: Callable[[str, Mapping[str, int]], None] = lambda _name, _numbers: None,
) -> tuple[list[Sweep], list[Sweep]]:
    """
    Score every set once and try every threshold.

    Parameters
    ----------
    named
        Models.
    sets
        As `quake_stream.evaluation.sets.open_sets` gives them.
    cache
        Scores, or finds what was scored.
    hop_s
        Distance between windows.
    all_stations
        Whether stations that training may have seen are scored as well.
    report
        Told the set in work and the share of it that is done.
    left_out
        Told each set and how many of its files and records cannot be read, by reason.

    Returns
    -------
    The sweeps of the models, in their order, and those of STA/LTA, one for each share of off.
    """
    results: list[_SetResult] = []
    for recordings in sets:
        counters = Counters()
        known = index([recordings.recordings], counters=counters).streams
        left_out(recordings.name, by_reason(counters.snapshot()))
        include = ALL_STREAMS if all_stations else _held_out_streams(recordings, known)
        if include:
            wanted = Recordings(name=recordings.name, paths=(recordings.recordings,), include=include)
            models = [one.model for one in named]
            scored = cache.score(models, wanted, progress=partial(report, recordings.name))
            results.append(_sweep_set(recordings, models, scored, include, hop_s))
            report(recordings.name, 1.0)
    swept = [
        Sweep(
            label=one.label,
            family=one.model.spec.name,
            thresholds=_thresholds(one.model),
            sets=tuple(result.by_model[number] for result in results),
        )
        for number, one in enumerate(named)
    ]
    baseline = [
        Sweep(
            label=STALTA,
            family=STALTA,
            thresholds=stalta_thresholds(share),
            sets=tuple(result.by_share[number] for result in results),
        )
        for number, share in enumerate(STALTA_OFF_SHARES)
    ]
    return swept, baseline


def describe(models: Sequence[Sweep], baseline: Sequence[Sweep]) -> dict[str, Any]:
    """
    Find every method's operating point at each rate of false alarms, and gather seeds of one family.

    Returns
    -------
    ``points`` (one for each method and rate that it can keep), ``out_of_reach`` (the others), ``families``
    (median and range over seeds), ``curves`` (every threshold) and ``card_metrics`` (to put into the cards).
    """
    points, out_of_reach = [], []
    for rate in RATES_PER_HOUR:
        for sweep in models:
            place = lowest_threshold(sweep, rate)
            if place is None:
                out_of_reach.append({"method": sweep.label, "limit_per_hour": rate})
            else:
                points.append({"limit_per_hour": rate, **point(sweep, place)})
        best = best_variant(baseline, rate)
        if best is not None:
            points.append({"limit_per_hour": rate, **point(*best)})
    return {
        "points": points,
        "out_of_reach": out_of_reach,
        "families": families(points),
        "card_metrics": {sweep.label: card_metrics(sweep) for sweep in models},
        "curves": [curve(sweep) for sweep in (*models, *baseline)],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _SetResult:
    """One set, swept by every model and by STA/LTA with every share of off."""

    by_model: list[SetSweep]
    by_share: list[SetSweep]


def _sweep_set(
    recordings: RecordingSet,
    models: Sequence[Model],
    scored: Sequence[Scored],
    include: Sequence[StreamPattern],
    hop_s: float,
) -> _SetResult:
    characteristic = ratios([recordings.recordings], include)
    return _SetResult(
        by_model=[
            sweep_model(recordings, windows, model.spec, _thresholds(model), hop_s)
            for model, windows in zip(models, scored, strict=True)
        ],
        by_share=[
            sweep_stalta(recordings, characteristic, stalta_thresholds(share)) for share in STALTA_OFF_SHARES
        ],
    )


def _thresholds(model: Model) -> tuple[Threshold, ...]:
    return model_thresholds(model.spec, model.spec.min_windows)


def _held_out_streams(recordings: RecordingSet, known: Sequence[SourceId]) -> tuple[StreamPattern, ...]:
    """Streams of the stations held out; all where none need be left aside."""
    stations = sorted({source_id.instrument.nsl for source_id in known})
    kept = [station for station in stations if is_held_out(recordings, station)]
    return ALL_STREAMS if kept == stations else parse_list([f"{station}.*.*" for station in kept])
