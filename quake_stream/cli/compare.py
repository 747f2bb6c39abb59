"""``quake-stream compare``: what a catalogue has, and what the detector found of it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from quake_stream.catalogue.job import Outcome


def compare(
    detections: Annotated[
        list[Path],
        typer.Argument(metavar="FILES", help="Detections: JSON lines, CSV, or SQLite of export."),
    ],
    catalogue: Annotated[
        str,
        typer.Option(
            metavar="FILE|SERVER",
            help='QuakeML or FDSN event text, or an FDSN server: "USGS".',
        ),
    ],
    stations: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Where stations are: StationXML, or CSV with network, station, latitude, longitude.",
        ),
    ],
    station: Annotated[
        list[str] | None,
        typer.Option(metavar="NET.STA", help="Compare only these, repeatable; default: all of --stations."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="UTC", help="Such as 2014-05-01T00:00:00Z; default: a minute before the first onset."
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="UTC", help="Default: a minute after the last onset.")
    ] = None,
    max_distance: Annotated[
        float, typer.Option(metavar="KM", help="A station should see earthquakes up to here.", min=1)
    ] = 150.0,
    min_magnitude: Annotated[
        float | None, typer.Option(metavar="M", help="And of this magnitude; default: any.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(metavar="SECONDS", help="Around P and S, besides 5 % of the travel time.", min=0)
    ] = 3.0,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the result: .png, .pdf or .svg.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """
    Count per station which earthquakes of a catalogue were found and missed, and what has no explanation.

    A detection is of an earthquake if its onset is near the first P or S that the model iasp91 predicts.
    Those too far or too small to be expected explain detections, but are never counted as missed.

    Example: `quake-stream compare found.jsonl --catalogue USGS --stations net.xml`
    """
    from quake_stream.catalogue.job import Request, run  # noqa: PLC0415  keep --help fast
    from quake_stream.catalogue.report import as_json as to_json  # noqa: PLC0415  likewise
    from quake_stream.counters import Counters, by_reason  # noqa: PLC0415  likewise

    request = Request(
        detections=detections,
        catalogue=catalogue,
        stations=stations,
        only=station or (),
        start_ns=_time_ns("--start", start),
        end_ns=_time_ns("--end", end),
        max_distance_km=max_distance,
        min_magnitude=min_magnitude,
        tolerance_s=tolerance,
    )
    counters = Counters()
    outcome = run(request, counters)
    if as_json:
        print(json.dumps(to_json(outcome, request)))
    else:
        _print_table(outcome)
    for name, n in by_reason(counters.snapshot()).items():
        print(f"  {name}: {n}", file=sys.stderr)
    for name, n in outcome.elsewhere.items():
        print(f"  {name}: {n} detections left out, as {stations} has no place for it", file=sys.stderr)
    if plot is not None:
        from quake_stream.catalogue.plot import plot as draw  # noqa: PLC0415  loads matplotlib

        draw(outcome.result, outcome.stations, outcome.times, plot)


def _time_ns(option: str, text: str | None) -> int | None:
    from quake_stream.publish.iso8601 import parse_utc  # noqa: PLC0415  keep --help fast

    if text is None:
        return None
    try:
        return parse_utc(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint=option) from exc


def _print_table(outcome: "Outcome") -> None:
    from quake_stream.catalogue.report import HEADINGS, closing, station_rows  # noqa: PLC0415  likewise
    from quake_stream.publish.iso8601 import format_utc  # noqa: PLC0415  likewise

    lines = [HEADINGS, *(row.cells() for row in station_rows(outcome.result, outcome.stations))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    for name, *cells in lines:
        print(name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True)), sep="  ")
    span = f"{format_utc(outcome.start_ns)[:19]}Z to {format_utc(outcome.end_ns)[:19]}Z"
    print(f"\n{span}, {outcome.n_earthquakes} earthquakes in the catalogue")
    print(closing(outcome.result))
