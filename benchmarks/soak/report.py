# ruff: noqa: INP001  part of a script, no package
"""What a soak found, as a table, as JSON and as a picture."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.table import Table
from slopes import DAY_S, Slope


def write(folder: Path, facts: Mapping[str, Any], found: Sequence[Slope]) -> Path:
    """Write ``soak.json``: facts, slopes and, beside it, ``soak.png``; returns its path."""
    path = folder / "soak.json"
    content = {**facts, "slopes": [asdict(slope) for slope in found]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    _draw(facts["samples"], found).savefig(folder / "soak.png", dpi=100)
    return path


def table(found: Sequence[Slope], title: str) -> Table:
    """One line for each quantity."""
    made = Table(title=title, title_justify="left")
    for column in ("quantity", "first", "last", "most", "a day of data", "95 %", "bound", "verdict"):
        made.add_column(column, justify="left" if column in {"quantity", "verdict"} else "right")
    for slope in found:
        made.add_row(
            f"{slope.name}",
            *(f"{value:.1f}" for value in (slope.first, slope.last, slope.most)),
            f"{slope.per_day:+.3f}",
            f"{slope.low:+.3f} to {slope.high:+.3f}",
            f"{slope.bound_per_day:g}",
            _verdict(slope),
        )
    return made


def _verdict(slope: Slope) -> str:
    if slope.is_leak:
        return "GROWS"
    return "too short to tell" if slope.low > slope.bound_per_day else "steady"


def _draw(samples: Sequence[Mapping[str, float]], found: Sequence[Slope]) -> Figure:
    """Draw each quantity over the days of data."""
    figure = Figure(figsize=(9, 1.8 * max(1, len(found))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(max(1, len(found)), 1, sharex=True, squeeze=False)[:, 0]
    for ax, slope in zip(axes, found, strict=False):
        points = [
            (sample["data_s"] / DAY_S, sample[slope.name]) for sample in samples if slope.name in sample
        ]
        ax.plot(*zip(*points, strict=True), linewidth=0.8)
        ax.set_ylabel(
            slope.name.replace("_mb", " (MB)")
            .replace("_ms", " (ms)")
            .replace("_kb", " (kB)")
            .replace("_", " ")
        )
        ax.set_title(f"{slope.per_day:+.3f} {slope.unit} a day of data", fontsize=8, loc="right")
        ax.set_ylim(bottom=0)
        ax.grid(linewidth=0.3)
    axes[-1].set_xlabel("days of data")
    return figure
