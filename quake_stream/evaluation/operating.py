"""Choose the threshold that keeps a rate of false alarms, and say what it stands for.  Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from quake_stream.evaluation.intervals import Interval, poisson_rate
from quake_stream.evaluation.sets import RecordingSet
from quake_stream.evaluation.sweep import SetSweep, Sweep, is_held_out

RATES_PER_HOUR: Final = (0.25, 0.5, 1.0, 3.0)

StationFilter = Callable[[RecordingSet, str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A count of false alarms in hours of instruments, with the exact Poisson interval of its rate."""

    n: int
    hours: float

    @property
    def per_hour(self) -> float | None:
        """False alarms per station-hour; None without data."""
        return self.n / self.hours if self.hours else None

    @property
    def interval(self) -> Interval | None:
        """At 95 %, per hour."""
        return poisson_rate(self.n, self.hours) if self.hours else None


def any_station(_recordings: RecordingSet, _station: str) -> bool:
    """Take all."""
    return True


def false_alarms(sets: Iterable[SetSweep], index: int, chosen: StationFilter = is_held_out) -> Rate:
    """Count over all sets that measure false alarms, at one threshold."""
    n, hours = 0, 0.0
    for part in sets:
        if not part.recordings.measures_false_alarms:
            continue
        hours += sum(value for station, value in part.hours.items() if chosen(part.recordings, station))
        alarms = part.outcomes[index].false_alarms
        n += sum(chosen(part.recordings, alarm.station) for alarm in alarms)
    return Rate(n=n, hours=hours)


def lowest_threshold(sweep: Sweep, per_hour: float) -> int | None:
    """
    Find the lowest threshold that keeps the rate on stations held out, as does every higher one.

    None where no threshold does, or where there is no recording to tell by.
    """
    lowest = None
    for index in reversed(range(len(sweep.thresholds))):
        rate = false_alarms(sweep.sets, index).per_hour
        if rate is None or rate > per_hour:
            break
        lowest = index
    return lowest


def mean_recall(sweep: Sweep, index: int, qualities: str = "AB") -> float:
    """Mean over the sets with events of the recall, each set counting alike; 0 without such sets."""
    recalls = [
        recall
        for part in sweep.sets
        if part.recordings.measures_recall and (recall := part.outcomes[index].recall(qualities)) is not None
    ]
    return sum(recalls) / len(recalls) if recalls else 0.0


def best_variant(variants: Sequence[Sweep], per_hour: float) -> tuple[Sweep, int] | None:
    """Of variants of a method the one that finds most at a rate, and its threshold; None where none keeps it."""
    found = [(v, index) for v in variants if (index := lowest_threshold(v, per_hour)) is not None]
    return max(found, key=lambda one: mean_recall(*one), default=None)
