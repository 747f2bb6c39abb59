"""``quake-stream tune``: thresholds for one's own stations, from one's own recordings."""

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quake_stream.cli.progress import progress
from quake_stream.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from quake_stream.evaluation.tuning import Tuned


def tune(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATHS", help="miniSEED files, folders or SDS archives: days.")
    ],
    per_day: Annotated[
        float,
        typer.Option(metavar="N", help="False alarms wished for, a day and station.", min=0.01, max=1000),
    ],
    model: Annotated[
        str, typer.Option(metavar="NAME", help='"lstm", "lstm-mhsa", "stalta" or the path of a checkpoint.')
    ] = "lstm",
    stream: Annotated[
        list[str] | None,
        typer.Option(metavar="STREAM", help='Streams to read, repeatable: "CX.*..HH?"; default: all.'),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Known earthquakes, CSV: station (NET.STA), p_time, s_time, quality (A to D); no false alarms.",
        ),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Spans to leave out, CSV: net_sta, start, end (UTC)."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep scored windows there, so that the next run is quick."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines instead of sections to paste.")] = False,
) -> None:
    """
    Find thresholds for a wished number of false alarms per day, and say what recall they cost.

    Whatever is detected and is not in --events counts as a false alarm, so thresholds come out too high
    where real earthquakes are not listed.  Sections for the configuration go to standard output, the
    explanation to standard error.

    Example: `quake-stream tune /data/sds --per-day 2 > thresholds.toml`
    """
    from quake_stream.evaluation import tuning  # noqa: PLC0415  keep --help fast
    from quake_stream.evaluation.cache import Recordings, ScoreCache  # noqa: PLC0415  likewise
    from quake_stream.evaluation.matching import read_arrivals  # noqa: PLC0415  likewise
    from quake_stream.models import load_model  # noqa: PLC0415  likewise
    from quake_stream.selection import parse_list  # noqa: PLC0415  likewise
    from quake_stream.training.streams import read_excluded  # noqa: PLC0415  likewise

    for file in (events, exclude):
        if file is not None and not file.is_file():
            raise typer.BadParameter(f"{file}: no such file")
    try:
        include = parse_list(stream or ["*.*.*.*"])
    except ValueError as exc:
        raise ConfigError(f"--stream: {exc}") from exc
    served = load_model(model, batch_windows=256)
    hop_s = served.spec.hop_s
    with progress() as report:
        (scored,) = ScoreCache(cache, hop_s=hop_s).score(
            [served],
            Recordings(name="tune", paths=tuple(paths), include=include),
            progress=lambda share: report("scoring", share),
        )
    found = tuning.tune(
        scored,
        served.spec,
        per_day=per_day,
        hop_s=hop_s,
        known=tuning.Known(
            arrivals=read_arrivals(events) if events else (),
            excluded=read_excluded(exclude) if exclude else {},
            metrics=_metrics(model),
        ),
    )
    if not found:
        raise SourceError(f"{paths[0]}: no window of these recordings can be scored")
    for one in found:
        print(_explain(one, per_day), file=sys.stderr)
    if as_json:
        for one in found:
            print(json.dumps({**dataclasses.asdict(one), "per_day": one.per_day}))
    else:
        print(tuning.as_toml(found, model=model), end="")


def _explain(one: "Tuned", per_day: float) -> str:
    lines = [f"{one.station}: {one.days:.2f} days of recordings"]
    if one.days_needed is not None:
        lines.append(
            f"  too short to promise {per_day:g} false alarms a day: that needs {one.days_needed:.1f} days"
            " (rule of three); nothing is changed"
        )
    elif one.threshold is None:
        lines.append(f"  no threshold keeps to {per_day:g} false alarms a day; nothing is changed")
    else:
        lines.append(
            f"  on {one.threshold.on:g}, off {one.threshold.off:.5g}, min_windows {one.threshold.min_windows}"
        )
    which = "at the model's own thresholds" if one.threshold is None else "with these"
    low, high = one.per_day_95
    lines.append(
        f"  {one.n_alarms} false alarms {which}: {one.per_day:.2f} a day (95 %: {low:.2f} to {high:.2f})"
    )
    if one.recall_source == "unknown":
        lines.append("  what this costs in recall is not known: give --events, or a model whose card says so")
    elif one.threshold is not None:
        what = "the events given" if one.recall_source == "events" else "the evaluation in the model's card"
        lines.append(
            f"  recall of A + B by {what}: {_share(one.recall)}, by the model's own {_share(one.recall_before)}"
        )
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{value:.0%}"


def _metrics(name: str) -> Mapping[str, float]:
    """Metrics of a model's card; none where it has no card."""
    from quake_stream.models.registry import SHIPPED, WEIGHTS  # noqa: PLC0415  keep --help fast

    if name == "stalta":
        return {}
    from quake_stream.models.checkpoint import load_checkpoint  # noqa: PLC0415  imports torch

    return load_checkpoint(WEIGHTS / name if name in SHIPPED else Path(name)).card.metrics
