"""``quake-stream export …``: subscribers that hand detections to other programs."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from quake_stream.cli.feed import FEED, Connect, KeyFile, Since, StateSet, since_ns, states_of
from quake_stream.cli.pipes import until_reader_leaves
from quake_stream.cli.plain_help import PlainCommand, PlainGroup
from quake_stream.errors import ConfigError

app = typer.Typer(
    name="export",
    cls=PlainGroup,
    help="Hand detections to other programs: files, SQLite, MQTT, web addresses.",
    epilog="Each runs until Ctrl-C or SIGTERM, says once a minute how it is, and counts what it could not pass on.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


States = Annotated[
    StateSet,
    typer.Option(metavar="LIST", parser=states_of, help="Of new, update, end, retract; with commas."),
]
Probability = Annotated[
    float, typer.Option("--min-probability", metavar="P", help="Least peak probability.", min=0, max=1)
]
Lines = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="File to append to; default: standard output."),
]
Folder = Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the files.")]

FIRST_AND_LAST = states_of("new,end,retract")
ALL = states_of("new,update,end,retract")


@app.command(cls=PlainCommand)
def quakeml(
    output: Folder,
    connect: Connect = FEED,
    states: States = FIRST_AND_LAST,
    min_probability: Probability = 0.0,
    since: Since = None,
    key: KeyFile = None,
) -> None:
    """
    Write one QuakeML file for each detection, with one automatic pick.

    Later messages replace the file; a retraction leaves a rejected pick.

    Example: `quake-stream export quakeml --output picks --min-probability 0.9`
    """
    from quake_stream.export import picks, program  # noqa: PLC0415  keep --help fast

    program.run(
        lambda: picks.PickFolder(output, picks.quakeml),
        connect=connect,
        states=states,
        min_probability=min_probability,
        since_ns=since_ns(since),
        key=key,
    )


@app.command(cls=PlainCommand)
def scml(
    output: Folder,
    connect: Connect = FEED,
    states: States = FIRST_AND_LAST,
    min_probability: Probability = 0.0,
    since: Since = None,
    key: KeyFile = None,
) -> None:
    """
    Write one file of SeisComP's XML for each detection, with one automatic pick.

    SeisComP takes them with `scdispatch -i FILE`.

    Example: `quake-stream export scml --output picks --states new`
    """
    from quake_stream.export import picks, program  # noqa: PLC0415  keep --help fast

    program.run(
        lambda: picks.PickFolder(output, picks.scml),
        connect=connect,
        states=states,
        min_probability=min_probability,
        since_ns=since_ns(since),
        key=key,
    )


@app.command(cls=PlainCommand)
@until_reader_leaves
def usgs(
    output: Lines = None,
    connect: Connect = FEED,
    states: States = FIRST_AND_LAST,
    min_probability: Probability = 0.0,
    since: Since = None,
    key: KeyFile = None,
) -> None:
    """
    Write USGS JSON, one `Pick` or `Retract` a line.

    Example: `quake-stream export usgs | my-broker-client`
    """
    from quake_stream.export import lines, program  # noqa: PLC0415  keep --help fast

    program.run(
        lambda: lines.LineSink(output or sys.stdout, lines.usgs_writer),
        connect=connect,
        states=states,
        min_probability=min_probability,
        since_ns=since_ns(since),
        key=key,
    )


@app.command(cls=PlainCommand)
@until_reader_leaves
def csv(
    output: Lines = None,
    connect: Connect = FEED,
    states: States = states_of("end"),  # noqa: B008  a constant
    min_probability: Probability = 0.0,
    since: Since = None,
    key: KeyFile = None,
) -> None:
    """
    Write one row of comma-separated values for each message wanted; one a detection by default.

    Example: `quake-stream export csv --output detections.csv`
    """
    from quake_stream.export import lines, program  # noqa: PLC0415  keep --help fast

    program.run(
        lambda: lines.LineSink(output or sys.stdout, lines.csv_writer),
        connect=connect,
        states=states,
        min_probability=min_probability,
        since_ns=since_ns(since),
        key=key,
    )


@app.command(cls=PlainCommand)
def sqlite(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Database to make or go on with.")
    ],
    connect: Connect = FEED,
    states: States = ALL,
    min_probability: Probability = 0.0,
    since: Since = None,
    key: KeyFile = None,
) -> None:
    """
    Keep an SQLite database: table detections, views last_day_by_station and by_day_and_station.

    Each detection is one row that follows its latest message.  Other programs may read meanwhile.  When it
    is started again it goes on where the database ends, as far as the service's journal reaches back.

    Example: `quake-stream export sqlite --output detections.db`
    """
    from quake_stream.export import program  # noqa: PLC0415  keep --help fast
    from quake_stream.export.sqlite import SqliteSink, latest_ns  # noqa: PLC0415  likewise

    program.run(
        lambda: SqliteSink(output),
        connect=connect,
        states=states,
        min_probability=min_probability,
        since_ns=latest_ns(output) if since is None else since_ns(since),
        key=key,
    )


@app.command(cls=PlainCommand)
def mqtt(
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="URL",
            help="Broker, mqtt[s]://[user@]host[:port] and a /prefix for the topics.",
        ),
    ],
    connect: Connect = FEED,
    states: States = ALL,
    min_probability: Probability = 0.0,
    since: Since = None,
    key: KeyFile = None,
) -> None:
    """
    Publish on an MQTT broker, one topic for each instrument; needs the extra "export".

    The password is taken from QUAKE_STREAM_MQTT_PASSWORD.

    Example: `quake-stream export mqtt --output mqtts://me@broker.example.org`
    """
    from quake_stream.export import program  # noqa: PLC0415  keep --help fast

    with _extra():
        from quake_stream.export.mqtt import MqttSink, broker  # noqa: PLC0415  may not be installed
    target = broker(output, password=os.environ.get("QUAKE_STREAM_MQTT_PASSWORD", ""))
    program.run(
        lambda: MqttSink(target),
        connect=connect,
        states=states,
        min_probability=min_probability,
        since_ns=since_ns(since),
        key=key,
    )


@app.command(cls=PlainCommand)
def webhook(
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="URL",
            envvar="QUAKE_STREAM_WEBHOOK",
            show_envvar=True,
            help="Where to post.",
        ),
    ],
    template: Annotated[
        Literal["json", "slack", "ntfy"], typer.Option(help="The detection as it is, or a line of text.")
    ] = "json",
    connect: Connect = FEED,
    states: States = states_of("new,retract"),  # noqa: B008  a constant
    min_probability: Probability = 0.0,
    since: Since = None,
    key: KeyFile = None,
) -> None:
    """
    Post to a web address such as those of Slack and ntfy; needs the extra "export".

    Tries again for five minutes.  A token for "Authorization: Bearer" is taken from
    QUAKE_STREAM_WEBHOOK_TOKEN.

    Example: `quake-stream export webhook --template ntfy -o https://ntfy.sh/mine`
    """
    from quake_stream.export import delivery, program, templates  # noqa: PLC0415  keep --help fast

    with _extra():
        from quake_stream.export.webhook import Webhook  # noqa: PLC0415  may not be installed
    form = templates.template(template, output)
    token = os.environ.get("QUAKE_STREAM_WEBHOOK_TOKEN", "")
    program.run(
        lambda: delivery.start(lambda hurry: Webhook(form, hurry, token=token)),
        connect=connect,
        states=states,
        min_probability=min_probability,
        since_ns=since_ns(since),
        key=key,
    )


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as exc:
        raise ConfigError(f"{exc.name} is not installed: pip install 'quake-stream[export]'") from exc
