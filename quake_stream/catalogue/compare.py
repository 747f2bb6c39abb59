"""
Match detections with predicted arrivals: found, missed, explained otherwise, unexplained.  Pure.

A detection can be of an earthquake if its onset lies in the window of P or of S at its station, or between
them where S follows within `BETWEEN_S`; a window reaches to both sides by a tolerance that grows with the
travel time, since no one-dimensional model fits everywhere.  Each detection finds one earthquake at most,
and the reverse, nearest to P first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from quake_stream.network.geometry import Coordinates
from quake_stream.network.rule import StationTrigger
from quake_stream.types import NS_PER_S

BETWEEN_S: Final = 60.0  # some 500 km: farther off, a detection between P and S may be anything
TOLERANCE_SHARE: Final = 0.05  # of the travel time: regional crusts differ that much from iasp91

Phase = Literal["P", "S", "between"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earthquake:
    """An earthquake as the catalogue has it; depth 0 where it gives none."""

    id: str
    origin_ns: int
    place: Coordinates
    depth_km: float
    magnitude: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """
    One earthquake at one station (``NET.STA``), predicted.

    ``s_ns`` is None in the shadow of the core; ``is_expected`` says whether the station should see it.
    """

    earthquake: Earthquake
    station: str
    distance_km: float
    p_ns: int
    s_ns: int | None
    is_expected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A detection that may be of an earthquake; ``residual_s`` is its onset minus the phase (P: between)."""

    arrival: Arrival
    trigger: StationTrigger
    phase: Phase
    residual_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """
    Detections and earthquakes, told apart.

    ``found``: earthquakes that a station should see, each with its detection.  ``missed``: those without.
    ``explained``: detections of other earthquakes, or further ones of an earthquake that was found.
    ``unexplained``: the rest: false alarms, and earthquakes that the catalogue does not have.
    """

    found: tuple[Match, ...]
    missed: tuple[Arrival, ...]
    explained: tuple[Match, ...]
    unexplained: tuple[StationTrigger, ...]


def compare(
    arrivals: Iterable[Arrival], triggers: Iterable[StationTrigger], *, tolerance_s: float
) -> Comparison:
    """Match each station's detections with its arrivals; the order of neither matters."""
    by_station: dict[str, list[Arrival]] = {}
    known = sorted(arrivals, key=_by_time)
    for arrival in known:
        by_station.setdefault(arrival.station, []).append(arrival)
    ordered = sorted(triggers, key=lambda trigger: (trigger.onset_ns, trigger.id))
    possible = [
        match
        for trigger in ordered
        for arrival in by_station.get(trigger.instrument_id.nsl, ())
        if (match := match_of(arrival, trigger, tolerance_s)) is not None
    ]
    # Those that should be seen come first: a great earthquake far off must not take a local one's detection.
    possible.sort(key=lambda match: (not match.arrival.is_expected, _off_p_ns(match)))
    pairs = _one_to_one(possible)
    found = [match for match in pairs if match.arrival.is_expected]
    used = {match.trigger.id for match in found}
    explained: dict[str, Match] = {}
    for match in [*pairs, *possible]:
        if match.trigger.id not in used:
            explained.setdefault(match.trigger.id, match)
    seen = {(match.arrival.earthquake.id, match.arrival.station) for match in found}
    return Comparison(
        found=tuple(sorted(found, key=lambda match: _by_time(match.arrival))),
        missed=tuple(
            one for one in known if one.is_expected and (one.earthquake.id, one.station) not in seen
        ),
        explained=tuple(sorted(explained.values(), key=lambda match: match.trigger.onset_ns)),
        unexplained=tuple(one for one in ordered if one.id not in used and one.id not in explained),
    )


def match_of(arrival: Arrival, trigger: StationTrigger, tolerance_s: float) -> Match | None:
    """Return how a detection can be of an earthquake, None where it cannot."""
    after_p_s = (trigger.onset_ns - arrival.p_ns) / NS_PER_S
    if abs(after_p_s) <= _reach_s(arrival, arrival.p_ns, tolerance_s):
        return Match(arrival=arrival, trigger=trigger, phase="P", residual_s=after_p_s)
    if arrival.s_ns is None:
        return None
    after_s_s = (trigger.onset_ns - arrival.s_ns) / NS_PER_S
    if abs(after_s_s) <= _reach_s(arrival, arrival.s_ns, tolerance_s):
        return Match(arrival=arrival, trigger=trigger, phase="S", residual_s=after_s_s)
    if after_p_s > 0 > after_s_s and after_p_s - after_s_s <= BETWEEN_S:
        return Match(arrival=arrival, trigger=trigger, phase="between", residual_s=after_p_s)
    return None


def _reach_s(arrival: Arrival, phase_ns: int, tolerance_s: float) -> float:
    return tolerance_s + TOLERANCE_SHARE * (phase_ns - arrival.earthquake.origin_ns) / NS_PER_S


def _one_to_one(possible: Sequence[Match]) -> list[Match]:
    taken: set[str] = set()
    done: set[tuple[str, str]] = set()
    pairs = []
    for match in possible:
        key = match.arrival.earthquake.id, match.arrival.station
        if match.trigger.id not in taken and key not in done:
            taken.add(match.trigger.id)
            done.add(key)
            pairs.append(match)
    return pairs


def _off_p_ns(match: Match) -> int:
    return abs(match.trigger.onset_ns - match.arrival.p_ns)


def _by_time(arrival: Arrival) -> tuple[int, str, str]:
    return arrival.p_ns, arrival.earthquake.id, arrival.station
