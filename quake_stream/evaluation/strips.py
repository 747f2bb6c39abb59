"""What went worst, as seismograms with the probability that the model gave: for eyes to judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import obspy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from quake_stream.evaluation.scored import ScoreCurve
from quake_stream.evaluation.sets import RecordingSet
from quake_stream.evaluation.sweep import SetSweep, Sweep, is_held_out
from quake_stream.types import NS_PER_S

N_STRIPS: Final = 8
BEFORE_S: Final = 20.0
AFTER_S: Final = 25.0

_N_COLUMNS: Final = 2
_SETTLE_S: Final = 5.0  # read before a strip, so that the filter's start does not show
_PEAK_S: Final = 5.0  # after the announcement in which an alarm shows how sure the model was


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A moment to show; ``badness`` orders them, and ``note`` stands in the title."""

    part: SetSweep
    station: str
    time_ns: int
    badness: float
    note: str


def draw_misses(sweep: Sweep, index: int) -> Figure | None:
    """Draw the missed earthquakes of quality A with the best signal; None without any."""
    strips = [
        Strip(
            part=part,
            station=match.arrival.station,
            time_ns=match.arrival.p_ns,
            badness=match.arrival.snr or 0.0,
            note="" if match.arrival.snr is None else f"SNR {match.arrival.snr:g}",
        )
        for part in sweep.sets
        if part.recordings.measures_recall
        for match in part.outcomes[index].matches
        if match.arrival.quality == "A" and match.announced_ns is None
    ]
    return _draw(strips, f"{sweep.label}: missed, quality A, best SNR first; P at 0 s", sweep, index)


def draw_false_alarms(sweep: Sweep, index: int) -> Figure | None:
    """Draw the false alarms on stations held out of which the model was surest; None without any."""
    strips = []
    for part in sweep.sets:
        if not part.recordings.measures_false_alarms:
            continue
        for alarm in part.outcomes[index].false_alarms:
            if is_held_out(part.recordings, alarm.station):
                peak = _peak(part.curves, alarm.station, alarm.announced_ns)
                strips.append(
                    Strip(
                        part=part,
                        station=alarm.station,
                        time_ns=alarm.onset_ns,
                        badness=peak,
                        note=f"probability {peak:.4f}",
                    )
                )
    return _draw(strips, f"{sweep.label}: false alarms, surest first; onset at 0 s", sweep, index)


def _draw(strips: Sequence[Strip], title: str, sweep: Sweep, index: int) -> Figure | None:
    worst = sorted(strips, key=lambda strip: -strip.badness)[:N_STRIPS]
    if not worst:
        return None
    n_rows = -(-len(worst) // _N_COLUMNS)
    figure = Figure(figsize=(7 * _N_COLUMNS, 2.4 * n_rows + 0.6), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(n_rows, _N_COLUMNS, squeeze=False).ravel().tolist()
    for axes in panels[len(worst) :]:
        axes.set_axis_off()
    for axes, strip in zip(panels, worst, strict=False):
        _panel(axes, strip, sweep.thresholds[index].on)
    figure.suptitle(f"{title} (on {sweep.thresholds[index].on:g}; {len(strips)} in all)")
    return figure


def _panel(axes: Axes, strip: Strip, on: float) -> None:
    trace = _seismogram(strip.part.recordings, strip.station, strip.time_ns)
    if trace is not None:
        times = trace.times() + (trace.stats.starttime.ns - strip.time_ns) / NS_PER_S
        axes.plot(times, trace.data, color="black", linewidth=0.5)
    axes.axvline(0, color="C1", linewidth=0.8)
    axes.set_yticks([])
    axes.set_xlim(-BEFORE_S, AFTER_S)
    moment = obspy.UTCDateTime(ns=strip.time_ns).strftime("%Y-%m-%d %H:%M:%S")
    axes.set_title(f"{strip.part.recordings.name}  {strip.station}  {moment}  {strip.note}", fontsize="small")
    over = axes.twinx()
    for curve in strip.part.curves:
        if curve.instrument_id.nsl == strip.station:
            keep = np.abs(curve.end_ns - strip.time_ns) < (BEFORE_S + AFTER_S) * NS_PER_S
            over.plot((curve.end_ns[keep] - strip.time_ns) / NS_PER_S, curve.probability[keep], color="C0")
    over.axhline(on, color="C0", linewidth=0.8, linestyle="--")
    over.set_ylim(0, 1.02)
    over.tick_params(labelsize="small", colors="C0")


def _seismogram(recordings: RecordingSet, station: str, time_ns: int) -> Any | None:
    """Vertical (or only) component around a moment, high-passed at 1 Hz; None where nothing is recorded."""
    start = obspy.UTCDateTime(ns=time_ns) - BEFORE_S - _SETTLE_S
    end = obspy.UTCDateTime(ns=time_ns) + AFTER_S
    network, code = station.split(".")
    stream = obspy.Stream()
    for file in sorted(recordings.recordings.rglob("*")):
        # Headers first: a set may hold hundreds of files of other stations and times.
        if file.is_file() and obspy.read(str(file), format="MSEED", headonly=True).select(network, code):
            stream += obspy.read(str(file), format="MSEED", starttime=start, endtime=end).select(
                network, code
            )
    if not stream:
        return None
    trace = min(stream, key=lambda one: (one.stats.channel[-1] not in "Z3", -one.stats.npts))
    trace.data = trace.data - trace.data.mean()
    trace.filter("highpass", freq=1.0, corners=2)
    return trace.trim(start + _SETTLE_S, end)


def _peak(curves: Sequence[ScoreCurve], station: str, announced_ns: int) -> float:
    until_ns = announced_ns + round(_PEAK_S * NS_PER_S)
    peaks = [
        float(curve.probability[inside].max())
        for curve in curves
        if curve.instrument_id.nsl == station
        and (inside := (curve.end_ns >= announced_ns) & (curve.end_ns <= until_ns)).any()
    ]
    return max(peaks, default=0.0)
