"""Draw a comparison: detections on travel-time curves, and each station's day.  Writes one picture."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from quake_stream.catalogue.compare import Arrival, Comparison
from quake_stream.catalogue.travel_times import MODEL, TravelTimes
from quake_stream.errors import QuakeStreamError
from quake_stream.network.geometry import EARTH_RADIUS_KM
from quake_stream.types import NS_PER_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that stay apart for the colour-blind (Okabe and Ito), and marks that stay apart in print.
_STYLES: Final[Mapping[str, dict[str, Any]]] = {
    "found": {"marker": "o", "color": "#0072B2"},
    "missed": {"marker": "x", "color": "#D55E00"},
    "explained otherwise": {"marker": "^", "color": "#999999"},
    "unexplained": {"marker": "s", "color": "#E69F00"},
}
_KM_PER_DEG = EARTH_RADIUS_KM * 3.141592653589793 / 180
_N_CURVE = 30  # points of a curve
_MOST_KM = 1000.0  # farther earthquakes explain detections, but would squeeze the picture


def plot(result: Comparison, stations: Iterable[str], times: TravelTimes, path: Path) -> None:
    """
    Draw a comparison into a file; its suffix names the format.

    Above: time after the origin against epicentral distance, with the curves of the first P and S for the
    median depth; a missed earthquake stands at its predicted P.  Below: the same and the unexplained
    detections over the time of day, a line for each station.

    Raises
    ------
    QuakeStreamError
        The file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  loads slowly; no window is ever opened

    names = sorted(stations)
    figure = Figure(figsize=(10, 7 + 0.25 * len(names)), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=[5, 2 + 0.25 * len(names)])
    _draw_section(upper, result, times)
    _draw_days(lower, result, names)
    try:
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as exc:  # a suffix that is no format is a ValueError
        raise QuakeStreamError(f"{path}: cannot be written: {exc}") from exc


def _draw_section(axes: "Axes", result: Comparison, times: TravelTimes) -> None:
    points = {
        "found": [(_after_s(m.arrival, m.trigger.onset_ns), m.arrival.distance_km) for m in result.found],
        "missed": [(_after_s(one, one.p_ns), one.distance_km) for one in result.missed],
        "explained otherwise": [
            (_after_s(m.arrival, m.trigger.onset_ns), m.arrival.distance_km)
            for m in result.explained
            if m.arrival.distance_km <= _MOST_KM
        ],
    }
    shown = [m.arrival for m in (*result.found, *result.explained)] + list(result.missed)
    depths = [one.earthquake.depth_km for one in shown] or [10.0]
    farthest_km = max((km for marks in points.values() for _, km in marks), default=100.0)
    _draw_curves(axes, times, statistics.median(depths), 1.05 * farthest_km)
    for label, marks in points.items():
        _scatter(axes, marks, label)
    axes.scatter(
        [], [], s=24, label=f"unexplained ({len(result.unexplained)}), below", **_STYLES["unexplained"]
    )
    axes.set(
        xlabel="time after origin (s)",
        ylabel="epicentral distance (km)",
        title=f"{len(result.found)} found, {len(result.missed)} missed, "
        f"{len(result.unexplained)} detections unexplained",
        ylim=(0, 1.05 * farthest_km),
    )
    axes.set_xlim(left=0)
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)


def _draw_curves(axes: "Axes", times: TravelTimes, depth_km: float, farthest_km: float) -> None:
    away_km = [farthest_km * i / _N_CURVE for i in range(_N_CURVE + 1)]
    first = [times.first_s(km / _KM_PER_DEG, depth_km) for km in away_km]
    for name, style, seconds in [("P", "-", [p for p, _ in first]), ("S", "--", [s for _, s in first])]:
        known = [(s, km) for s, km in zip(seconds, away_km, strict=True) if s is not None]
        label = f"{name}, {MODEL}, depth {depth_km:.0f} km"
        axes.plot([s for s, _ in known], [km for _, km in known], style, color="black", lw=1, label=label)


def _draw_days(axes: "Axes", result: Comparison, names: Sequence[str]) -> None:
    rows = {name: row for row, name in enumerate(names)}
    unexplained = [(_utc(one.onset_ns), rows.get(one.instrument_id.nsl)) for one in result.unexplained]
    points: dict[str, list[tuple[Any, Any]]] = {
        "found": [(_utc(m.trigger.onset_ns), rows.get(m.arrival.station)) for m in result.found],
        "missed": [(_utc(one.p_ns), rows.get(one.station)) for one in result.missed],
        "explained otherwise": [
            (_utc(m.trigger.onset_ns), rows.get(m.arrival.station)) for m in result.explained
        ],
        "unexplained": unexplained,
    }
    for label, marks in points.items():
        _scatter(axes, [(when, row) for when, row in marks if row is not None], label)
    axes.set(xlabel="UTC", ylim=(-0.6, len(names) - 0.4), yticks=range(len(names)), yticklabels=names)
    axes.invert_yaxis()
    axes.grid(alpha=0.3, axis="y")


def _scatter(axes: "Axes", marks: Sequence[tuple[Any, Any]], label: str) -> None:
    if not marks:
        return
    x, y = [x for x, _ in marks], [y for _, y in marks]
    axes.scatter(x, y, s=24, label=f"{label} ({len(marks)})", zorder=3, **_STYLES[label])


def _after_s(arrival: Arrival, time_ns: int) -> float:
    return (time_ns - arrival.earthquake.origin_ns) / NS_PER_S


def _utc(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns / NS_PER_S, UTC)
