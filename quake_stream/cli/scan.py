"""``quake-stream scan``: recordings in, detections out, as fast as possible."""

import enum
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, TextIO

import typer

from quake_stream.errors import QuakeStreamError
from quake_stream.memory import keep_freed_memory


class Format(enum.StrEnum):
    """Output formats."""

    JSONL = "jsonl"
    CSV = "csv"
    QUAKEML = "quakeml"


def scan(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATHS", help="miniSEED files, folders or SDS archives.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="File to write; default: standard output."),
    ] = None,
    fmt: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.JSONL,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help='"lstm", "lstm-mhsa", "stalta" or the path of a checkpoint.'),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="CONFIG", help="Take model, thresholds and windows from this configuration."),
    ] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option(metavar="STREAM", help='Streams to read, repeatable: "CX.*..HH?"; default: all.'),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="STREAM", help="Streams to leave out, repeatable.")
    ] = None,
    life: Annotated[
        bool,
        typer.Option(
            "--life", help="Write every message of a detection's life, not only its end (no QuakeML)."
        ),
    ] = False,
) -> None:
    """
    Run the detector of the service over recordings.

    The result is the same, bit for bit, as that of the service on the same records.  Progress and a
    summary of everything refused, missing or dropped go to standard error.

    Example: `quake-stream scan /data/sds --stream "CX.*..HH?" -f csv -o found.csv`
    """
    keep_freed_memory()  # before anything large is loaded
    from rich.console import Console  # noqa: PLC0415  keep --help fast
    from rich.progress import Progress  # noqa: PLC0415  likewise

    from quake_stream import log, offline  # noqa: PLC0415  loads torch and ObsPy
    from quake_stream.formats import WRITERS  # noqa: PLC0415  likewise

    if life and fmt is Format.QUAKEML:
        raise typer.BadParameter("QuakeML holds one event per detection", param_hint="--life")
    log.configure("warning", "console")
    settings = offline.settings(config, paths=paths, streams=stream, exclude=exclude, model=model)
    job = offline.Scan(settings)
    with ExitStack() as stack:
        console = Console(stderr=True)
        out = sys.stdout if output is None else stack.enter_context(_open(output))
        progress = stack.enter_context(
            Progress(console=console, transient=True, disable=not console.is_terminal)
        )
        bar = progress.add_task("scan", total=job.n_records)
        writer = WRITERS[fmt](out)
        n = 0
        for body in job.run(lambda done: progress.update(bar, completed=done)):
            final = body["state"] == "end"
            n += final
            if life or final:
                writer.write(body)
        writer.close()
    print(job.summary(n), file=sys.stderr)


def _open(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as exc:
        raise QuakeStreamError(f"{path}: cannot be written: {exc.strerror}") from exc
