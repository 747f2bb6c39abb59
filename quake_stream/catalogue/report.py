"""A comparison as rows of a table and as one JSON object.  Pure; printing is the caller's."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from quake_stream.catalogue.compare import Arrival, Comparison, Match
from quake_stream.catalogue.job import Outcome, Request
from quake_stream.catalogue.travel_times import MODEL
from quake_stream.network.rule import StationTrigger
from quake_stream.publish.iso8601 import format_utc

HEADINGS = (
    "station",
    "expected",
    "found",
    "by P",
    "missed",
    "detections",
    "explained",
    "unexplained",
    "onset - P s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StationRow:
    """
    What one station did.

    ``n_expected`` earthquakes should be seen, of which ``n_found`` were, ``n_found_p`` by P; of
    ``n_detections``, ``n_explained`` are of other earthquakes or repeat one, and ``n_unexplained`` are of
    none in the catalogue; ``residual_s`` is the median of onset minus predicted P, None without one.
    """

    station: str
    n_expected: int
    n_found: int
    n_found_p: int
    n_missed: int
    n_detections: int
    n_explained: int
    n_unexplained: int
    residual_s: float | None

    def cells(self) -> tuple[str, ...]:
        """Return what stands below `HEADINGS`."""
        numbers = (self.n_expected, self.n_found, self.n_found_p, self.n_missed)
        more = (self.n_detections, self.n_explained, self.n_unexplained)
        residual = "-" if self.residual_s is None else f"{self.residual_s:+.1f}"
        return self.station, *(str(n) for n in (*numbers, *more)), residual


def station_rows(result: Comparison, stations: Iterable[str]) -> list[StationRow]:
    """Sum up each station, also those that saw nothing, and at last all of them together."""
    rows = [_row(name, result, {name}) for name in sorted(stations)]
    return [*rows, _row("all", result, {row.station for row in rows})] if len(rows) > 1 else rows


def closing(result: Comparison) -> str:
    """Say in words how many earthquakes were found by any station and by two at least."""
    expected = {one.earthquake.id for one in result.missed}
    stations: dict[str, set[str]] = {}
    for match in result.found:
        stations.setdefault(match.arrival.earthquake.id, set()).add(match.arrival.station)
    n_two = sum(len(names) > 1 for names in stations.values())
    n = len(expected | stations.keys())
    return f"{len(stations)} of {n} earthquakes found by at least one station, {n_two} by two or more"


def as_json(outcome: Outcome, request: Request) -> dict[str, object]:
    """Write the rule, the rows and every earthquake and detection behind them; times in UTC."""
    result = outcome.result
    rows = station_rows(result, outcome.stations)
    return {
        "start": format_utc(outcome.start_ns),
        "end": format_utc(outcome.end_ns),
        "travel_times": MODEL,
        "max_distance_km": request.max_distance_km,
        "min_magnitude": request.min_magnitude,
        "tolerance_s": request.tolerance_s,
        "stations": [
            {"station": row.station}
            | {name: getattr(row, name) for name in StationRow.__slots__ if name != "station"}
            for row in rows
        ],
        "found": [_match(match) for match in result.found],
        "missed": [_arrival(arrival) for arrival in result.missed],
        "explained": [_match(match) for match in result.explained],
        "unexplained": [_trigger(trigger) for trigger in result.unexplained],
    }


def _row(name: str, result: Comparison, stations: set[str]) -> StationRow:
    found = [match for match in result.found if match.arrival.station in stations]
    n_missed = sum(one.station in stations for one in result.missed)
    n_explained = sum(match.arrival.station in stations for match in result.explained)
    n_unexplained = sum(one.instrument_id.nsl in stations for one in result.unexplained)
    by_p = [match.residual_s for match in found if match.phase == "P"]
    return StationRow(
        station=name,
        n_expected=len(found) + n_missed,
        n_found=len(found),
        n_found_p=len(by_p),
        n_missed=n_missed,
        n_detections=len(found) + n_explained + n_unexplained,
        n_explained=n_explained,
        n_unexplained=n_unexplained,
        residual_s=round(statistics.median(by_p), 2) if by_p else None,
    )


def _arrival(arrival: Arrival) -> dict[str, object]:
    earthquake = arrival.earthquake
    return {
        "earthquake": earthquake.id,
        "origin_time": format_utc(earthquake.origin_ns),
        "latitude_deg": earthquake.place.latitude_deg,
        "longitude_deg": earthquake.place.longitude_deg,
        "depth_km": earthquake.depth_km,
        "magnitude": earthquake.magnitude,
        "station": arrival.station,
        "distance_km": round(arrival.distance_km, 2),
        "p_time": format_utc(arrival.p_ns),
        "s_time": None if arrival.s_ns is None else format_utc(arrival.s_ns),
    }


def _trigger(trigger: StationTrigger) -> dict[str, object]:
    return {
        "detection": trigger.id,
        "instrument": str(trigger.instrument_id),
        "onset_time": format_utc(trigger.onset_ns),
        "peak_probability": trigger.peak_probability,
    }


def _match(match: Match) -> dict[str, object]:
    about = {"phase": match.phase, "residual_s": round(match.residual_s, 3)}
    return _arrival(match.arrival) | _trigger(match.trigger) | about
