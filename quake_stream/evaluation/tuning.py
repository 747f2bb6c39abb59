"""
Thresholds for a station from its own recordings: as many false alarms a day as wanted, and no fewer hits.

Says how far the recordings bear a promise, and never promises more.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from quake_stream.evaluation.intervals import Interval, poisson_rate
from quake_stream.evaluation.matching import Arrival, Outcome, Span, judge, outside
from quake_stream.evaluation.points import RECALL_METRIC
from quake_stream.evaluation.scored import ScoredWindows
from quake_stream.evaluation.scoring import Scored
from quake_stream.evaluation.sweep import Threshold, hours_outside, model_thresholds, settings_of
from quake_stream.evaluation.triggering import run_trigger
from quake_stream.source_id import InstrumentId
from quake_stream.types import ModelSpec

RULE_OF_THREE: Final = 3.0
"""
Days without an alarm bear, at 95 %, no promise below 3 / days (Hanley & Lippman-Hand 1983, "If nothing goes
wrong, is everything all right?").
"""

MIN_WINDOWS: Final = (1, 2, 3)
RecallSource = Literal["events", "card", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """
    What was found for one station.

    ``threshold`` is None where no promise can be made; ``days_needed`` then says how many days could.
    ``per_day_95`` bounds the rate.  ``recall`` and, at the model's own thresholds, ``recall_before`` are of
    the events of quality A and B, as far as ``recall_source`` knows.
    """

    station: str
    days: float
    threshold: Threshold | None
    n_alarms: int
    per_day_95: Interval
    recall: float | None
    recall_before: float | None
    recall_source: RecallSource
    days_needed: float | None = None

    @property
    def per_day(self) -> float:
        """False alarms a day in these recordings."""
        return self.n_alarms / self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the recordings: events (never false alarms), spans to leave out, the card's metrics."""

    arrivals: Sequence[Arrival] = ()
    excluded: Mapping[str, Sequence[Span]]
    metrics: Mapping[str, float]


def tune(scored: Scored, spec: ModelSpec, *, per_day: float, hop_s: float, known: Known) -> list[Tuned]:
    """
    Find thresholds for every station.

    Parameters
    ----------
    scored
        Scored recordings.
    spec
        The model's; off stays in the proportion that its card recommends.
    per_day
        False alarms wished for, a day and station.
    hop_s
        Distance between windows.
    known
        Events, spans to leave out, metrics.

    Returns
    -------
    One entry for each station with windows outside the spans left out.
    """
    stations: dict[str, dict[InstrumentId, ScoredWindows]] = defaultdict(dict)
    for instrument_id, part in scored.items():
        stations[instrument_id.nsl][instrument_id] = part
    found = []
    for station, parts in stations.items():
        hours = max(hours_outside(part, known.excluded.get(station, ()), hop_s) for part in parts.values())
        if hours:
            judged = _Station(station, parts, spec, hop_s, known)
            found.append(judged.tune(days=hours / 24, per_day=per_day))
    return found


class _Station:
    """Recordings of one station, and what a threshold finds in them."""

    def __init__(
        self,
        station: str,
        parts: Mapping[InstrumentId, ScoredWindows],
        spec: ModelSpec,
        hop_s: float,
        known: Known,
    ) -> None:
        self._station = station
        self._parts = parts
        self._spec = spec
        self._hop_s = hop_s
        self._known = known
        self._arrivals = [arrival for arrival in known.arrivals if arrival.station == station]
        self._own = Threshold(on=spec.on, off=spec.off, min_windows=spec.min_windows)

    def tune(self, *, days: float, per_day: float) -> Tuned:
        if per_day * days < RULE_OF_THREE:
            return self._describe(None, days, days_needed=RULE_OF_THREE / per_day)
        # Without events nothing says which number of windows is better than the model's own.
        tried = MIN_WINDOWS if self._has_events else (self._spec.min_windows,)
        found = [t for n in tried if (t := self._lowest(n, per_day * days)) is not None]
        best = max(found, key=lambda t: self._outcome(t).recall("AB") or 0.0, default=None)
        return self._describe(best, days)

    @property
    def _has_events(self) -> bool:
        return any(arrival.is_wanted for arrival in self._arrivals)

    def _lowest(self, min_windows: int, allowed: float) -> Threshold | None:
        """Lowest threshold that keeps the count, as does every higher one."""
        lowest = None
        for threshold in reversed(model_thresholds(self._spec, min_windows)):
            if len(self._outcome(threshold).false_alarms) > allowed:
                break
            lowest = threshold
        return lowest

    def _describe(
        self, threshold: Threshold | None, days: float, *, days_needed: float | None = None
    ) -> Tuned:
        outcome = self._outcome(threshold or self._own)
        source: RecallSource = "unknown"
        if self._has_events:
            source = "events"
        elif card_recall(self._known.metrics, 0.0) is not None:
            source = "card"
        return Tuned(
            station=self._station,
            days=days,
            threshold=threshold,
            n_alarms=len(outcome.false_alarms),
            per_day_95=poisson_rate(len(outcome.false_alarms), days),
            recall=None if threshold is None else self._recall(threshold),
            recall_before=self._recall(self._own),
            recall_source=source,
            days_needed=days_needed,
        )

    def _recall(self, threshold: Threshold) -> float | None:
        if self._has_events:
            return self._outcome(threshold).recall("AB")
        return card_recall(self._known.metrics, threshold.on)

    def _outcome(self, threshold: Threshold) -> Outcome:
        found = run_trigger(self._parts, self._spec, settings_of(threshold), self._hop_s)
        return judge(outside(found, self._known.excluded), self._arrivals)


def card_recall(metrics: Mapping[str, float], on: float) -> float | None:
    """Recall that a card names for the next threshold at or above ``on``; None where it names none."""
    table = {
        float(name.removeprefix(RECALL_METRIC)): v
        for name, v in metrics.items()
        if name.startswith(RECALL_METRIC)
    }
    above = [value for value in table if value >= on]
    return table[min(above)] if above else None


def as_toml(found: Sequence[Tuned], *, model: str) -> str:
    """Write the thresholds as sections of the configuration, ready to paste."""
    lines = []
    for one in found:
        if one.threshold is None:
            continue
        on, off = one.threshold.on, math.floor(one.threshold.off * 1e5) / 1e5
        seen = f"{one.n_alarms} false alarms in {one.days:.1f} days"
        lines += [
            f"# {model}: {seen}, at most {one.per_day_95[1]:.1f} a day at 95 %",
            f'[stations."{one.station}"]',
            f"on = {on:g}",
            f"off = {off:g}",
            f"min_windows = {one.threshold.min_windows}",
            "",
        ]
    return "\n".join(lines)
