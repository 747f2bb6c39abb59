"""``quake-stream evaluate``: hits and false alarms of a model on recordings with known earthquakes."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

_COLUMNS = (
    ("set", "set", ""),
    ("hours", "station_hours", ".2f"),
    ("on", "on", ".2f"),
    ("n", "min_windows", "d"),
    ("A", "recall_a", ".0%"),
    ("A+B", "recall_ab", ".0%"),
    ("other/h", "unmatched_per_hour", ".2f"),
    ("delay s", "delay_median_s", ".1f"),
    ("90 %", "delay_90_s", ".1f"),
)


def evaluate(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Sets: folders with mseed/ and, where known, events.csv, exclude.csv."),
    ],
    model: Annotated[str, typer.Option(help='"lstm", "lstm-mhsa" or the path of a checkpoint.')] = "lstm",
    on: Annotated[
        list[float] | None, typer.Option(help="Threshold to try, repeatable; default: the model's own.")
    ] = None,
    min_windows: Annotated[
        list[int] | None, typer.Option(help="Windows in a row to try, repeatable; default: the model's own.")
    ] = None,
    as_json: Annotated[
        bool | None, typer.Option("--json/--table", help="JSON lines or table; default: table on a terminal.")
    ] = None,
) -> None:
    """
    Count what a model finds of the earthquakes in recordings, and what else it reports.

    Recall of the events of quality A and of A and B, detections that match no event per station-hour (false
    alarms where the list of events is complete), and the delay after P of the events of quality A.
    Needs the extra "train".

    Example: `quake-stream evaluate recordings/continuous/* --model lstm-mhsa`
    """
    from quake_stream.models import load_model  # noqa: PLC0415  keep --help fast
    from quake_stream.training.evaluate import evaluate_streams  # noqa: PLC0415  likewise

    served = load_model(model, batch_windows=256)
    rows = evaluate_streams(
        served,
        folders,
        hop_s=served.spec.hop_s,
        thresholds=on or [served.spec.on],
        min_windows=min_windows or [served.spec.min_windows],
        off_share=served.spec.off / served.spec.on,
        report=lambda done: print(done, file=sys.stderr),
    )
    if as_json or (as_json is None and not sys.stdout.isatty()):
        for row in rows:
            print(json.dumps(row))
        return
    widths = [max(len(row["set"]) for row in rows), *(len("delay s") for _ in _COLUMNS[1:])]
    lines = [[name for name, _, _ in _COLUMNS]]
    lines += [
        ["-" if row[key] is None else format(row[key], spec) for _, key, spec in _COLUMNS] for row in rows
    ]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
