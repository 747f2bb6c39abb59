"""Keep the learning curve of a run: a table for programs and a picture for people."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from quake_stream.training.train import Evaluation


def write_curves(out: Path, history: Sequence[Evaluation]) -> tuple[Path, Path]:
    """Write ``OUT.history.json`` (all evaluations, in order) and ``OUT.curves.png``; their paths."""
    table, picture = out.with_name(f"{out.name}.history.json"), out.with_name(f"{out.name}.curves.png")
    rows = [dataclasses.asdict(evaluation) for evaluation in history]
    table.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    draw_curves(history).savefig(picture, dpi=120)
    return table, picture


def draw_curves(history: Sequence[Evaluation]) -> Figure:
    """Draw losses above and AUC and recalls below, by step; a line marks the state that was kept."""
    figure = Figure(figsize=(7, 6), layout="constrained")
    FigureCanvasAgg(figure)  # draws without a screen, and leaves pyplot's global state alone
    losses, scores = figure.subplots(2, sharex=True)
    steps = [evaluation.step for evaluation in history]
    known = [e for e in history if e.training_loss is not None]
    losses.plot([e.step for e in known], [e.training_loss for e in known], label="training, augmented")
    losses.plot(steps, [e.loss for e in history], label="validation")
    losses.set_ylabel("loss (nats a window)")
    scores.plot(steps, [e.auc for e in history], label="AUC")
    scores.plot(steps, [e.recall_at_1_percent for e in history], label="recall at 1 % false positives")
    scores.plot(steps, [e.recall_at_01_percent for e in history], label="recall at 0.1 % false positives")
    scores.set_ylabel("validation windows")
    scores.set_xlabel("step")
    scores.set_ylim(top=1.0)
    best = max(history, key=lambda evaluation: evaluation.merit).step
    for axes in (losses, scores):
        axes.axvline(best, color="0.6", linewidth=0.8)
        axes.grid(color="0.9")
        axes.legend(loc="best")
    return figure
