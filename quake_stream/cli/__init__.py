"""
The command line: the one place that prints.

Each command lives in a module of its own and imports what is heavy only when it runs, so that ``--help``
answers at once.  Results go to standard output, logs and problems to standard error.
"""

import sys
from typing import Annotated

import typer

import quake_stream
from quake_stream.cli import bench, evaluate, export, keys
from quake_stream.cli.check import check
from quake_stream.cli.coincide import coincide
from quake_stream.cli.compare import compare
from quake_stream.cli.demo import demo
from quake_stream.cli.health import health
from quake_stream.cli.listen import listen
from quake_stream.cli.pipes import open_standard_streams, until_reader_leaves
from quake_stream.cli.plain_help import PlainCommand, PlainGroup
from quake_stream.cli.replay import replay
from quake_stream.cli.run import run
from quake_stream.cli.scan import scan
from quake_stream.cli.train import train
from quake_stream.cli.tune import tune
from quake_stream.errors import QuakeStreamError

app = typer.Typer(
    name="quake-stream",
    cls=PlainGroup,
    help="Real-time earthquake detector: SeedLink in, LSTM, detections out over ZeroMQ.",
    epilog="Exit status: 0 done, 1 failed, 2 wrong usage, 66 no input, 78 wrong configuration or model.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


_add = app.command(cls=PlainCommand)
_add(until_reader_leaves(demo))
_add(run)
_add(until_reader_leaves(check))
_add(until_reader_leaves(health))
_add(until_reader_leaves(listen))
_add(until_reader_leaves(scan))
_add(until_reader_leaves(coincide))
_add(until_reader_leaves(compare))
_add(replay)
_add(train)
_add(until_reader_leaves(tune))
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(export.app, name="export")
app.add_typer(keys.app, name="keys")
app.add_typer(bench.app, name="bench")


def _show_version(value: bool) -> None:
    if value:
        print(f"quake-stream {quake_stream.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Hold the options that stand before the command."""


def main() -> None:
    """Run the command line; a problem that a user can mend is one line, never a traceback."""
    open_standard_streams()
    try:
        app()
    except QuakeStreamError as exc:
        for line in str(exc).split("\n"):
            print(f"quake-stream: {line}", file=sys.stderr)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
