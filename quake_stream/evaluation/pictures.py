"""Curves of an evaluation as PNG files.  Draws what was computed elsewhere; opens no window."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from quake_stream.errors import QuakeStreamError
from quake_stream.evaluation.operating import best_variant, false_alarms, lowest_threshold
from quake_stream.evaluation.strips import draw_false_alarms, draw_misses
from quake_stream.evaluation.sweep import Sweep

PICTURED_PER_HOUR: Final = (0.5, 1.0, 3.0, 0.25)
"""Rates of false alarms to show delays, misses and alarms at: the first that can be kept."""

_LEAST_PER_HOUR: Final = 0.02  # left edge of a logarithmic axis: less is no false alarm in two days
_DPI: Final = 120


def draw_streams(
    folder: Path, models: Sequence[Sweep], baseline: Sequence[Sweep], result: dict[str, Any]
) -> list[Path]:
    """
    Draw recall against false alarms, delays, and the worst misses and false alarms of each model.

    Raises
    ------
    QuakeStreamError
        A file cannot be written.
    """
    chosen = best_variant(baseline, PICTURED_PER_HOUR[0])
    methods = [*models, *([chosen[0]] if chosen else baseline[:1])]
    files = [_save(_recall(methods), folder / "recall.png")]
    delays = _delays(methods)
    if delays is not None:
        files.append(_save(delays, folder / "delays.png"))
    if len({sweep.family for sweep in models}) < len(models):
        files.append(_save(_seeds(result), folder / "seeds.png"))
    for sweep in models:
        index = _pictured(sweep)
        if index is None:
            continue
        for name, figure in (
            ("misses", draw_misses(sweep, index)),
            ("false-alarms", draw_false_alarms(sweep, index)),
        ):
            if figure is not None:
                files.append(_save(figure, folder / f"{name}-{sweep.label.replace('/', '_')}.png"))
    return files


def draw_windows(folder: Path, result: dict[str, Any]) -> list[Path]:
    """
    Draw ROC and reliability of all models.

    Raises
    ------
    QuakeStreamError
        A file cannot be written.
    """
    return [
        _save(_roc(result["models"]), folder / "roc.png"),
        _save(_reliability(result["models"]), folder / "reliability.png"),
    ]


def _recall(methods: Sequence[Sweep]) -> Figure:
    names = [part.recordings.name for part in methods[0].sets if part.recordings.measures_recall]
    figure = Figure(figsize=(4.6 * max(1, len(names)), 4.2), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(1, max(1, len(names)), squeeze=False)[0].tolist()
    for axes, name in zip(panels, names, strict=False):
        for number, sweep in enumerate(methods):
            (part,) = (one for one in sweep.sets if one.recordings.name == name)
            rates = [false_alarms(sweep.sets, i).per_hour or 0.0 for i in range(len(sweep.thresholds))]
            x = np.maximum(rates, _LEAST_PER_HOUR)
            for qualities, style in (("AB", "-"), ("A", ":")):
                recall = [outcome.recall(qualities) or 0.0 for outcome in part.outcomes]
                label = f"{sweep.label}, {'A + B' if qualities == 'AB' else 'A'}"
                axes.plot(x, recall, style, color=f"C{number}", label=label)
        axes.set(xscale="log", xlim=(_LEAST_PER_HOUR, 20), ylim=(0, 1), title=name)
        axes.set(xlabel="false alarms per station-hour, stations held out", ylabel="recall")
        axes.grid(visible=True, alpha=0.3)
    panels[0].legend(fontsize="small", loc="lower right")
    return figure


def _delays(methods: Sequence[Sweep]) -> Figure | None:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    bins = np.arange(-2, 12.25, 0.25)
    drawn = False
    for sweep in methods:
        index = _pictured(sweep)
        if index is None:
            continue
        delays = [
            delay
            for part in sweep.sets
            if part.recordings.measures_recall
            for delay in part.outcomes[index].delays_s()
        ]
        if delays:
            drawn = True
            label = f"{sweep.label} (n = {len(delays)}, median {np.median(delays):.1f} s)"
            axes.hist(np.clip(delays, bins[0], bins[-1]), bins.tolist(), histtype="step", label=label)
    axes.set(xlabel="announcement after P, s (quality A; the last bin holds all later ones)")
    axes.set(ylabel="earthquakes")
    if not drawn:
        return None
    axes.legend()
    return figure


def _seeds(result: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for number, family in enumerate(dict.fromkeys(row["family"] for row in result["families"])):
        rows = [row for row in result["families"] if row["family"] == family]
        x = [row["limit_per_hour"] for row in rows]
        for key, style in (("mean_recall_ab", "-"), ("mean_recall_a", ":")):
            middle = [row[key]["median"] for row in rows]
            low = [row[key]["min"] for row in rows]
            high = [row[key]["max"] for row in rows]
            label = f"{family}, {'A + B' if key.endswith('ab') else 'A'}"
            axes.plot(x, middle, style, marker="o", color=f"C{number}", label=label)
            axes.fill_between(x, low, high, color=f"C{number}", alpha=0.15)
    axes.set(xscale="log", xlabel="false alarms per station-hour allowed")
    axes.set(ylabel="recall, mean of the sets; median and range over seeds", ylim=(0, 1))
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    return figure


def _roc(models: Sequence[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    for one in models:
        curve = one["roc"]
        label = f"{one['model']}, AUC {one['headline']['auc']:.4f}"
        axes.plot(np.maximum(curve["false_positive_rate"], 1e-4), curve["recall"], label=label)
    for rate in (0.001, 0.01):
        axes.axvline(rate, color="grey", linewidth=0.8, linestyle="--")
    axes.set(xscale="log", xlim=(1e-4, 1), ylim=(0, 1))
    axes.set(xlabel="share of background windows taken for earthquakes", ylabel="recall of windows")
    axes.set(title="Windows with SNR of at least 8 dB that end 1-5 s after P")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right")
    return figure


def _reliability(models: Sequence[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(5, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    for one in models:
        bins = one["calibration"]["bins"]
        x = [row["probability"] for row in bins]
        y = [row["share_earthquake"] for row in bins]
        axes.plot(x, y, marker="o", label=f"{one['model']}, ECE {one['calibration']['ece']:.3f}")
    axes.set(xlabel="probability that the model says", ylabel="share of earthquakes, classes weighing alike")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    return figure


def _pictured(sweep: Sweep) -> int | None:
    found = (lowest_threshold(sweep, rate) for rate in PICTURED_PER_HOUR)
    return next((index for index in found if index is not None), None)


def _save(figure: Figure, file: Path) -> Path:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=_DPI)
    except OSError as exc:
        raise QuakeStreamError(f"{file}: cannot be written: {exc.strerror}") from exc
    return file
