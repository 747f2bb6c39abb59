"""``quake-stream evaluate``: how good models are, on windows and in the stream."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quake_stream.cli.pipes import until_reader_leaves
from quake_stream.cli.plain_help import PlainCommand, PlainGroup
from quake_stream.cli.progress import progress
from quake_stream.cli.train import Device
from quake_stream.errors import QuakeStreamError
from quake_stream.memory import keep_freed_memory

if TYPE_CHECKING:
    from quake_stream.protocols import Model

app = typer.Typer(
    name="evaluate",
    cls=PlainGroup,
    help="Measure models on recordings with known earthquakes, beside STA/LTA. Needs the extra train.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Models = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help='"lstm", "lstm-mhsa" or the path of a checkpoint, repeatable; models of one name are seeds.',
    ),
]
DeviceName = Annotated[Device, typer.Option(help="Where to compute.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write all figures there as JSON.")
]
Pictures = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write pictures (PNG) there.")]


def streams(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="SETS", help="Sets whose earthquakes count: folders with mseed/, events.csv."),
    ],
    noise: Annotated[
        list[Path],
        typer.Option(
            metavar="FOLDER",
            help="Set that counts false alarms, or a folder of such, repeatable: mseed/, exclude.csv.",
        ),
    ],
    model: Models = None,
    all_stations: Annotated[
        bool,
        typer.Option("--all-stations", help="Score noise at stations used in training as well, to compare."),
    ] = False,
    device: DeviceName = Device.CPU,
    json_file: JsonFile = None,
    pictures: Pictures = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep scored windows there, so that the next run is quick."),
    ] = None,
) -> None:
    """
    Recall at matched rates of false alarms, through the pipeline of the service, beside STA/LTA.

    Thresholds are found for 0.25, 0.5, 1 and 3 false alarms per station-hour, for each model and for
    ObsPy's classic STA/LTA (0.5 s / 10 s, 1-20 Hz), on noise of stations that training did not see.

    Example: `quake-stream evaluate streams events/* --noise noise --model lstm`
    """
    from quake_stream.evaluation import streams as stream_level  # noqa: PLC0415  keep --help fast
    from quake_stream.evaluation.cache import ScoreCache  # noqa: PLC0415  likewise
    from quake_stream.evaluation.sets import open_sets  # noqa: PLC0415  likewise
    from quake_stream.evaluation.tables import point_tables  # noqa: PLC0415  likewise

    sets = open_sets(folders, noise)
    named = _load(model, device)
    hop_s = max(one.spec.hop_s for _, one in named)
    left_out: dict[str, Mapping[str, int]] = {}
    with progress() as report:
        models, baseline = stream_level.sweep_all(
            [stream_level.Named(label=label, model=one) for label, one in named],
            sets,
            ScoreCache(cache, hop_s=hop_s),
            hop_s=hop_s,
            all_stations=all_stations,
            report=report,
            left_out=left_out.__setitem__,
        )
        result = stream_level.describe(models, baseline)
    for name, numbers in left_out.items():
        for reason, n in numbers.items():
            print(f"{name}: {reason}: {n}", file=sys.stderr)
    _show(point_tables(result), result, json_file)
    if pictures is not None:
        from quake_stream.evaluation.pictures import draw_streams  # noqa: PLC0415  loads matplotlib

        _tell(draw_streams(pictures, models, baseline, result))


def windows(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="Set written by train --prepare, or a folder that train --data takes."
        ),
    ],
    model: Models = None,
    device: DeviceName = Device.CPU,
    json_file: JsonFile = None,
    pictures: Pictures = None,
) -> None:
    """
    ROC, recall at 0.1 % and 1 % false positives and calibration on fixed windows of the validation part.

    Example: `quake-stream evaluate windows set.npz --model my-lstm.safetensors`
    """
    from quake_stream.evaluation.tables import window_tables  # noqa: PLC0415  keep --help fast
    from quake_stream.evaluation.windows import evaluate_windows  # noqa: PLC0415  likewise
    from quake_stream.training.dataset import gather  # noqa: PLC0415  likewise
    from quake_stream.training.prepared import load_prepared  # noqa: PLC0415  likewise

    examples = gather([data]) if data.is_dir() else load_prepared(data)
    with progress() as report:
        result = evaluate_windows(_load(model, device), examples, progress=report)
    _show(window_tables(result), result, json_file)
    if pictures is not None:
        from quake_stream.evaluation.pictures import draw_windows  # noqa: PLC0415  loads matplotlib

        _tell(draw_windows(pictures, result))


def _load(names: list[str] | None, device: Device) -> "list[tuple[str, Model]]":
    """Load models; labels are their names as far as these differ."""
    keep_freed_memory()  # before anything large is loaded
    from quake_stream.evaluation.scoring import BATCH_WINDOWS  # noqa: PLC0415  keep --help fast
    from quake_stream.models import load_model  # noqa: PLC0415  likewise

    wanted = list(dict.fromkeys(names or ["lstm"]))
    short = [Path(name).name.removesuffix(".safetensors").removesuffix(".json") for name in wanted]
    labels = short if len(set(short)) == len(short) else wanted
    models = [load_model(name, device=device.value, batch_windows=BATCH_WINDOWS) for name in wanted]
    return list(zip(labels, models, strict=True))


def _show(tables: list[Any], result: dict[str, Any], json_file: Path | None) -> None:
    from rich.console import Console  # noqa: PLC0415  keep --help fast

    # Wide enough for every column where nobody's window cuts it.
    console = Console(width=None if sys.stdout.isatty() else 160)
    for table in tables:
        console.print(table)
    if json_file is not None:
        try:
            json_file.write_text(json.dumps(result, indent=1), encoding="utf-8")
        except OSError as exc:
            raise QuakeStreamError(f"{json_file}: cannot be written: {exc.strerror}") from exc


def _tell(files: list[Path]) -> None:
    for file in files:
        print(file, file=sys.stderr)


_add = app.command(cls=PlainCommand)
_add(until_reader_leaves(streams))
_add(until_reader_leaves(windows))
