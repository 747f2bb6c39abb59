"""Describe a method at one threshold: recall by set, false alarms by kind of site, delays.  Pure; for JSON."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final

from quake_stream.evaluation.intervals import bootstrap_share
from quake_stream.evaluation.matching import Outcome, quantile
from quake_stream.evaluation.operating import Rate, any_station, false_alarms, mean_recall
from quake_stream.evaluation.sweep import SetSweep, Sweep

RECALL_METRIC: Final = "stream_recall_ab_at_on_"
"""Start of the names of metrics in a model card that say what recall of A + B a threshold stands for."""

_METRIC_EVERY: Final = 5  # thresholds of the grid: a card need not hold all


def point(sweep: Sweep, index: int) -> dict[str, Any]:
    """
    Describe one threshold of a sweep.

    Recall has bootstrap intervals by event, rates exact Poisson intervals, both at 95 %.  ``one_to_one``
    lets each detection find one earthquake only.
    """
    threshold = sweep.thresholds[index]
    noisy = [part for part in sweep.sets if part.recordings.measures_false_alarms]
    by_kind: dict[str, list[SetSweep]] = defaultdict(list)
    for part in noisy:
        by_kind[part.recordings.kind].append(part)
    return {
        "method": sweep.label,
        "family": sweep.family,
        "on": threshold.on,
        "off": round(threshold.off, 5),
        "min_windows": threshold.min_windows,
        "false_alarms": _rates(noisy, index),
        "kinds": {kind: _rates(parts, index) for kind, parts in sorted(by_kind.items())},
        "noise_sets": {part.recordings.name: _rates([part], index) for part in noisy},
        "sets": {
            part.recordings.name: _recall(part.outcomes[index])
            for part in sweep.sets
            if part.recordings.measures_recall
        },
        "mean_recall_a": mean_recall(sweep, index, "A"),
        "mean_recall_ab": mean_recall(sweep, index, "AB"),
    }


def curve(sweep: Sweep) -> dict[str, Any]:
    """List every threshold with its false alarms on stations held out and the recall of each set."""
    rows = []
    for index, threshold in enumerate(sweep.thresholds):
        recall = {
            part.recordings.name: [part.outcomes[index].recall(qualities) for qualities in ("A", "AB")]
            for part in sweep.sets
            if part.recordings.measures_recall
        }
        rows.append(
            {
                "on": threshold.on,
                "off": round(threshold.off, 5),
                "per_hour": false_alarms(sweep.sets, index).per_hour,
                "mean_recall_ab": mean_recall(sweep, index),
                "recall_a_ab": recall,
            }
        )
    return {"method": sweep.label, "min_windows": sweep.thresholds[0].min_windows, "thresholds": rows}


def card_metrics(sweep: Sweep) -> dict[str, float]:
    """Mean recall of A + B of some thresholds, by the names that a model card gives them."""
    return {
        f"{RECALL_METRIC}{sweep.thresholds[index].on:g}": round(mean_recall(sweep, index), 4)
        for index in range(0, len(sweep.thresholds), _METRIC_EVERY)
    }


def families(points: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gather the points of one family and rate: median and range over its members (seeds)."""
    together: dict[tuple[str, float], list[dict[str, Any]]] = defaultdict(list)
    for one in points:
        together[one["family"], one["limit_per_hour"]].append(one)
    rows = []
    for (family, limit), members in together.items():
        names = members[0]["sets"]
        rows.append(
            {
                "family": family,
                "limit_per_hour": limit,
                "n_members": len(members),
                "mean_recall_a": spread([one["mean_recall_a"] for one in members]),
                "mean_recall_ab": spread([one["mean_recall_ab"] for one in members]),
                "sets": {
                    name: {
                        key: spread([one["sets"][name][key] for one in members])
                        for key in ("recall_a", "recall_ab", "delay_median_s", "delay_90_s")
                    }
                    for name in names
                },
            }
        )
    return rows


def spread(values: Sequence[float | None]) -> dict[str, float] | None:
    """Median and range; None unless every value is known."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return {"median": median(known), "min": min(known), "max": max(known)}


def _rates(parts: Sequence[SetSweep], index: int) -> dict[str, Any]:
    return {
        "held_out": _rate(false_alarms(parts, index)),
        "all_scored": _rate(false_alarms(parts, index, any_station)),
    }


def _rate(rate: Rate) -> dict[str, Any]:
    per_hour = rate.per_hour
    return {
        "n": rate.n,
        "station_hours": round(rate.hours, 3),
        "per_hour": per_hour,
        "per_hour_95": rate.interval,
        "per_day": None if per_hour is None else 24 * per_hour,
    }


def _recall(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {"n_detections": outcome.n_detections}
    for name, qualities in (("a", "A"), ("ab", "AB")):
        wanted = [match for match in outcome.matches if match.arrival.quality in qualities]
        events = [match.arrival.event for match in wanted]
        row[f"n_{name}"] = len(wanted)
        row[f"recall_{name}"] = outcome.recall(qualities)
        row[f"recall_{name}_95"] = bootstrap_share([m.announced_ns is not None for m in wanted], events)
        row[f"recall_{name}_one_to_one"] = outcome.recall(qualities, one_to_one=True)
        row[f"recall_{name}_one_to_one_95"] = bootstrap_share([m.is_own for m in wanted], events)
    delays = outcome.delays_s()
    row["delay_median_s"], row["delay_90_s"] = quantile(delays, 0.5), quantile(delays, 0.9)
    return row
