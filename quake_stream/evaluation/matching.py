"""
Hold detections against a list of earthquakes: found, missed, false alarm, delay.  Pure.

A detection fits an earthquake if its onset lies between 3 s before P and 5 s after S (30 s after P where S
is not known).  One that fits any row, of any quality, is no false alarm.
"""

import csv
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
    """
    One earthquake at one station: quality A must and B should be found, the others are ignored.

    ``event`` names the earthquake that several stations share; ``snr`` is as the list of events has it.
    """

    station: str
    p_ns: int
    s_ns: int | None
    quality: str
    event: str = ""
    snr: float | None = None

    @property
    def start_ns(self) -> int:
        """Earliest onset that counts as this earthquake."""
        return self.p_ns - round(BEFORE_P_S * NS_PER_S)

    @property
    def end_ns(self) -> int:
        """Latest onset that still counts as this earthquake."""
        if self.s_ns is None:
            return self.p_ns + round(AFTER_P_S * NS_PER_S)
        return self.s_ns + round(AFTER_S_S * NS_PER_S)

    @property
    def is_wanted(self) -> bool:
        """Whether missing it counts."""
        return self.quality in {"A", "B"}

    def matches(self, onset_ns: int) -> bool:
        """Whether a detection of this onset is this earthquake."""
        return self.start_ns <= onset_ns <= self.end_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A detection of one station: its onset, and the end of the window that announced it (UTC ns)."""

    station: str
    onset_ns: int
    announced_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """
    What became of one wanted earthquake.

    ``announced_ns`` is the first announcement that fits it, None where it was missed; ``is_own`` whether a
    detection is left for it when each finds one earthquake only.
    """

    arrival: Arrival
    announced_ns: int | None
    is_own: bool

    @property
    def delay_s(self) -> float | None:
        """From P to the first announcement; None where it was missed."""
        if self.announced_ns is None:
            return None
        return (self.announced_ns - self.arrival.p_ns) / NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Wanted earthquakes with what found them, and the detections that fit no row of any quality."""

    matches: tuple[Match, ...]
    n_detections: int
    false_alarms: tuple[Found, ...]

    def recall(self, qualities: str, *, one_to_one: bool = False) -> float | None:
        """Share found of the earthquakes of these qualities; None where there are none."""
        hits = [
            match.is_own if one_to_one else match.announced_ns is not None
            for match in self.matches
            if match.arrival.quality in qualities
        ]
        return sum(hits) / len(hits) if hits else None

    def delays_s(self, qualities: str = "A") -> list[float]:
        """Delays of what was found of these qualities."""
        return [
            match.delay_s
            for match in self.matches
            if match.delay_s is not None and match.arrival.quality in qualities
        ]


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
                event=row.get("event_id") or f"{row['station']} {row['p_time']}",
                snr=float(row["snr_p"]) if row.get("snr_p") else None,
            )
            for row in csv.DictReader(lines)
            if row["p_time"]
        ]


def outside(found: Iterable[Found], excluded: Mapping[str, Sequence[Span]]) -> list[Found]:
    """Keep the detections outside excluded spans: those inside count neither way."""
    return [d for d in found if not any(a <= d.onset_ns < b for a, b in excluded.get(d.station, ()))]


def judge(found: Sequence[Found], arrivals: Sequence[Arrival]) -> Outcome:
    """Match the detections and the arrivals of a set, station by station."""
    by_station: dict[str, list[Found]] = defaultdict(list)
    for detection in found:
        by_station[detection.station].append(detection)
    known: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        known[arrival.station].append(arrival)
    matches: list[Match] = []
    for station, there in known.items():
        matches += _matches(by_station[station], [a for a in there if a.is_wanted])
    shaken = {station: _union(there) for station, there in known.items()}
    return Outcome(
        matches=tuple(matches),
        n_detections=len(found),
        false_alarms=tuple(d for d in found if not _is_within(d.onset_ns, shaken.get(d.station, ()))),
    )


def assign(found: Sequence[Found], arrivals: Sequence[Arrival]) -> dict[Arrival, Found]:
    """
    Pair as many detections and earthquakes of one station as possible, each at most once.

    Each detection in the order of onsets takes, of the earthquakes that it fits and that are free, the one
    whose time is up first: a maximum matching for intervals (Glover 1967, "Maximum matching in a convex
    bipartite graph").
    """
    free = sorted(arrivals, key=lambda a: a.end_ns)
    pairs: dict[Arrival, Found] = {}
    for detection in sorted(found, key=lambda d: d.onset_ns):
        first = bisect_left(free, detection.onset_ns, key=lambda a: a.end_ns)
        for place in range(first, len(free)):
            if free[place].matches(detection.onset_ns):
                pairs[free.pop(place)] = detection
                break
    return pairs


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


def _union(arrivals: Sequence[Arrival]) -> list[Span]:
    """Join the times of arrivals, both ends included, into spans without overlap, in order."""
    joined: list[Span] = []
    for start, end in sorted((a.start_ns, a.end_ns) for a in arrivals):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _is_within(time_ns: int, spans: Sequence[Span]) -> bool:
    place = bisect_left(spans, time_ns, key=lambda span: span[1])
    return place < len(spans) and spans[place][0] <= time_ns


def _matches(found: Sequence[Found], wanted: Sequence[Arrival]) -> list[Match]:
    pairs = assign(found, wanted)
    ordered = sorted(found, key=lambda d: d.onset_ns)
    matches = []
    for arrival in wanted:
        first = bisect_left(ordered, arrival.start_ns, key=lambda d: d.onset_ns)
        announced_ns = None
        for detection in ordered[first:]:
            if detection.onset_ns > arrival.end_ns:
                break
            if announced_ns is None or detection.announced_ns < announced_ns:
                announced_ns = detection.announced_ns
        matches.append(Match(arrival=arrival, announced_ns=announced_ns, is_own=arrival in pairs))
    return matches
