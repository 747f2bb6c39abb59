"""``quake-stream bench``: how fast parts of the service are on this machine."""

import json
import sys
from typing import Annotated, Any

import typer

from quake_stream.cli.pipes import until_reader_leaves
from quake_stream.cli.plain_help import PlainCommand, PlainGroup
from quake_stream.cli.progress import progress

app = typer.Typer(
    name="bench",
    cls=PlainGroup,
    help="Measure how fast parts of the service are on this machine.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


def feed(
    subscribers: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Subscribers at once, repeatable; default: 1, 10 and 100.", min=1),
    ] = None,
    rate: Annotated[
        float, typer.Option(metavar="HZ", help="Messages a second, for latency.", min=1, max=1000)
    ] = 50.0,
    seconds: Annotated[
        float, typer.Option(metavar="S", help="Time for each measurement of latency.", min=0.1, max=600)
    ] = 2.0,
    deliveries: Annotated[
        int, typer.Option(metavar="N", help="Messages times subscribers, for the highest rate.", min=1)
    ] = 20_000,
    stall_beside: Annotated[
        int, typer.Option(metavar="N", help="Subscribers beside the stalled one.", min=1)
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """
    Latency and highest rate of the detection feed, plain (NULL) and encrypted (CURVE).

    Latency counts from `created` of a message to its arrival at a subscriber on this machine, journal
    included.  What comes before `created`, from the end of the window on, each detection tells in
    `latency_s`.  At last: what a subscriber that has stopped reading costs the others.

    Example: `quake-stream bench feed --subscribers 10 --seconds 10`
    """
    from rich.console import Console  # noqa: PLC0415  keep --help fast

    from quake_stream.bench.feed import Effort, measure  # noqa: PLC0415  likewise

    effort = Effort(rate_hz=rate, seconds=seconds, n_deliveries=deliveries)
    with progress() as report:
        result = measure(
            list(dict.fromkeys(subscribers or [1, 10, 100])),
            effort=effort,
            n_stall_others=stall_beside,
            report=report,
        )
    if as_json:
        print(json.dumps(result, indent=1))
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in _tables(result):
        console.print(table)


def _tables(result: dict[str, Any]) -> list[Any]:
    machine, effort, stalled = result["machine"], result["effort"], result["stalled"]
    latency = ["p50 ms", "p99 ms", "max ms", "send max ms", "missed"]
    cases = _table(
        f"Latency at {effort['rate_hz']:g} messages/s of {effort['body_bytes']} bytes, and highest rate; "
        f"{machine['n_cores']} cores, load {machine['load_1min']:.1f}",
        ["subscribers", "security", *latency, "messages/s", "deliveries/s"],
        [
            [
                str(case["n_subscribers"]),
                case["security"],
                *_latency(case),
                f"{case['messages_per_s']:.0f}",
                f"{case['deliveries_per_s']:.0f}",
            ]
            for case in result["cases"]
        ],
    )
    ratio = stalled["ratio"]
    cost = _table(
        f"A subscriber that has left {stalled['n_unread']} messages unread, and {stalled['n_others']} others",
        ["the others", *latency],
        [
            ["without it", *_latency(stalled["without"])],
            ["with it", *_latency(stalled["with"])],
            [
                "median ratio",
                f"{ratio['p50_ms']:.2f}",
                f"{ratio['p99_ms']:.2f}",
                "",
                f"{ratio['send_max_ms']:.2f}",
            ],
        ],
    )
    return [cases, cost]


def _latency(row: dict[str, Any]) -> list[str]:
    names = ("p50_ms", "p99_ms", "max_ms", "send_max_ms")
    return [*(f"{row[name]:.2f}" for name in names), str(row["n_missed"])]


def _table(title: str, columns: list[str], rows: list[list[str]]) -> Any:
    from rich.table import Table  # noqa: PLC0415  keep --help fast

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


_add = app.command(cls=PlainCommand)
_add(until_reader_leaves(feed))
