"""
Hold detections against a list of earthquakes: found, missed, false alarm, delay.

A detection finds an earthquake if its onset lies between 3 s before P and 5 s after S (30 s after P where S
is not known).  One that matches any row, of any quality, is no false alarm.
"""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from quake_stream.types import NS_PER_S

BEFORE_P_S: Final = 3.0
AFTER_S_S: Final = 5.0
AFTER_P_S: Final = 30.0

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One earthquake at one station: quality A must and B should be found, the others are ignored."""

    station: str
    p_ns: int
    s_ns: int | None
    quality: str

    @property
    def end_ns(self) -> int:
        """Latest onset that still counts as this earthquake."""
        if self.s_ns is None:
            return self.p_ns + round(AFTER_P_S * NS_PER_S)
        return self.s_ns + round(AFTER_S_S * NS_PER_S)

    def matches(self, onset_ns: int) -> bool:
        """Whether a detection of this onset is this earthquake."""
        return self.p_ns - round(BEFORE_P_S * NS_PER_S) <= onset_ns <= self.end_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A detection of one station: its onset, and the end of the window that announced it (UTC ns)."""

    station: str
    onset_ns: int
    announced_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """
    How detections fared.

    ``delays_s`` are from P to the end of the window that announced the earthquake, of quality A.
    """

    n_a: int
    n_found_a: int
    n_b: int
    n_found_b: int
    n_detections: int
    n_false: int
    delays_s: tuple[float, ...]


def read_arrivals(file: Path) -> list[Arrival]:
    """Read ``events.csv`` (station, p_time, s_time, quality); rows without P cannot be matched and go."""
    if not file.is_file():
        return []
    with file.open(newline="") as lines:
        return [
            Arrival(
                station=row["station"],
                p_ns=to_ns(row["p_time"]),
                s_ns=to_ns(row["s_time"]) if row["s_time"] else None,
                quality=row["quality"],
            )
            for row in csv.DictReader(lines)
            if row["p_time"]
        ]


def tally(found: Sequence[Found], arrivals: Iterable[Arrival], excluded: dict[str, list[Span]]) -> Tally:
    """Match detections and arrivals; detections inside excluded spans count neither way."""
    known = list(arrivals)
    counted = [
        detection
        for detection in found
        if not any(a <= detection.onset_ns < b for a, b in excluded.get(detection.station, ()))
    ]
    first = {arrival: _first(arrival, counted) for arrival in known if arrival.quality in "AB"}
    n_false = sum(not any(a.station == d.station and a.matches(d.onset_ns) for a in known) for d in counted)
    best = [arrival for arrival in first if arrival.quality == "A"]
    others = [arrival for arrival in first if arrival.quality == "B"]
    return Tally(
        n_a=len(best),
        n_found_a=sum(first[a] is not None for a in best),
        n_b=len(others),
        n_found_b=sum(first[a] is not None for a in others),
        n_detections=len(counted),
        n_false=n_false,
        delays_s=tuple((hit.announced_ns - a.p_ns) / NS_PER_S for a in best if (hit := first[a]) is not None),
    )


def quantile(values: Sequence[float], share: float) -> float | None:
    """Smallest value that ``share`` of the values do not exceed; None without values."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def to_ns(text: str) -> int:
    """ISO 8601 UTC with a trailing Z → ns."""
    moment = datetime.fromisoformat(text)
    seconds = int(moment.replace(microsecond=0).timestamp())
    return seconds * NS_PER_S + moment.microsecond * 1000


def _first(arrival: Arrival, found: Sequence[Found]) -> Found | None:
    hits = [d for d in found if d.station == arrival.station and arrival.matches(d.onset_ns)]
    return min(hits, key=lambda d: d.announced_ns, default=None)
