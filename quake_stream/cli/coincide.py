"""``quake-stream coincide``: detections of instruments in, network detections out."""

import json
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from quake_stream.cli.feed import FEED, Connect, KeyFile, Replay, Since, since_ns

if TYPE_CHECKING:
    from quake_stream.network.rule import CoincidenceRule

_FORMAT = "{:<24} {:<8} {:>8}  {}"
_HEADING = _FORMAT.format("onset (UTC)", "state", "stations", "which")


def coincide(
    recorded: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES]", help="Detections from scan or listen, - for standard input; default: live."
        ),
    ] = None,
    connect: Connect = FEED,
    since: Since = None,
    replay: Replay = None,
    key: KeyFile = None,
    bind: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to publish network detections.")
    ] = "tcp://127.0.0.1:5563",
    min_stations: Annotated[
        int, typer.Option("--min-stations", "-k", metavar="K", help="Stations needed.", min=2)
    ] = 2,
    stations: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where stations are: StationXML, or CSV with network, station, latitude, longitude.",
        ),
    ] = None,
    velocity: Annotated[
        float, typer.Option(metavar="KM/S", help="Slowest apparent velocity between stations.", min=0.1)
    ] = 3.3,
    tolerance: Annotated[
        float, typer.Option(metavar="SECONDS", help="Added to every travel time.", min=0)
    ] = 3.0,
    window: Annotated[
        float, typer.Option(metavar="SECONDS", help="Between stations whose place is not known.", min=0)
    ] = 20.0,
    max_window: Annotated[
        float, typer.Option(metavar="SECONDS", help="Between any two stations at most.", min=0)
    ] = 120.0,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="How late a station's data may come.", min=0)
    ] = 30.0,
    life: Annotated[
        bool, typer.Option("--life", help="Of files, write every message, not only the end.")
    ] = False,
    as_json: Annotated[
        bool | None, typer.Option("--json/--table", help="JSON lines or table; default: table on a terminal.")
    ] = None,
    agency: Annotated[str, typer.Option(metavar="NAME", help="Who claims the network detections.")] = "",
) -> None:
    """
    Report what several stations detect within the travel time between them.

    Live, it subscribes to the service and publishes network detections on an address of its own; --since
    takes up after a restart what the journal of the service has, under the same ids.  Of files it gives what
    it would have given live.  Instruments of one station count once.

    Example: `quake-stream coincide found.jsonl -k 3 --stations network.xml`
    """
    from quake_stream.network.coordinates import read_coordinates  # noqa: PLC0415  keep --help fast
    from quake_stream.network.rule import CoincidenceRule  # noqa: PLC0415  likewise

    rule = CoincidenceRule(
        min_stations=min_stations,
        velocity_km_s=velocity,
        tolerance_s=tolerance,
        window_s=window,
        max_window_s=max_window,
        wait_s=wait,
        coordinates=read_coordinates(stations) if stations else {},
    )
    table = sys.stdout.isatty() if as_json is None else not as_json
    if table:
        print(_HEADING, flush=True)
    if recorded:
        _from_files(recorded, rule, agency=agency, life=life, table=table)
    else:
        _live(_Source(connect, since_ns(since), replay, key), bind, rule, agency=agency, table=table)


def _from_files(paths: list[Path], rule: "CoincidenceRule", *, agency: str, life: bool, table: bool) -> None:
    from quake_stream.counters import Counters, by_reason  # noqa: PLC0415  keep --help fast
    from quake_stream.network.coincidence import replay  # noqa: PLC0415  likewise
    from quake_stream.network.messages import network_body  # noqa: PLC0415  likewise
    from quake_stream.network.recorded import read_files, read_stream  # noqa: PLC0415  likewise

    counters = Counters()
    is_stdin = [str(path) for path in paths] == ["-"]
    triggers = read_stream(sys.stdin, "standard input", counters) if is_stdin else read_files(paths, counters)
    n = 0
    for detection in replay(triggers, rule, counters):
        final = detection.state == "end"
        n += final
        if life or final:
            _print(
                network_body(detection, author="quake_stream", agency=agency, created_ns=time.time_ns()),
                table=table,
            )
    print(f"{n} network detections of {len(triggers)} detections", file=sys.stderr)
    for name, count in by_reason(counters.snapshot()).items():
        print(f"  {name}: {count}", file=sys.stderr)
    unknown = {one.instrument_id.nsl for one in triggers} - rule.coordinates.keys()
    if rule.coordinates and unknown:
        print(f"  without a place, so --window counts: {', '.join(sorted(unknown))}", file=sys.stderr)


class _Source(NamedTuple):
    address: str
    since_ns: int | None
    replay: str | None
    key: Path | None


def _live(source: _Source, bind: str, rule: "CoincidenceRule", *, agency: str, table: bool) -> None:
    from quake_stream.network.relay import Relay  # noqa: PLC0415  ZeroMQ loads slowly
    from quake_stream.publish.publisher import Publisher  # noqa: PLC0415  likewise
    from quake_stream.publish.subscriber import Subscriber  # noqa: PLC0415  likewise
    from quake_stream.supervision import StopSignals  # noqa: PLC0415  likewise

    # A signal that arrives just before ZeroMQ waits is seen by Python only when the wait ends: hence the limit.
    with (
        StopSignals() as signals,
        Publisher(bind) as feed,
        Subscriber(
            source.address,
            topics=("detection.", "heartbeat"),
            timeout_s=0.5,
            since_ns=source.since_ns,
            replay=source.replay,
            key=source.key,
        ) as subscriber,
    ):
        relay = Relay(rule, feed, session=feed.session, host=platform.node(), agency=agency)
        print(f"listening on {source.address}, publishing on {feed.endpoint}; Ctrl-C ends", file=sys.stderr)
        while not signals.stop:
            feed.poll()
            relay.heartbeat()
            try:
                item = subscriber.receive()
            except TimeoutError:
                continue
            if item is not None:
                for body in relay.take(item):
                    _print(body, table=table)
        for body in relay.finish():
            _print(body, table=table)


def _print(body: Mapping[str, Any], *, table: bool) -> None:
    if not table:
        print(json.dumps(body, ensure_ascii=False, separators=(",", ":")), flush=True)
        return
    which = dict.fromkeys(".".join(member["source_id"][5:].split("_")[:2]) for member in body["members"])
    more = "" if body["n_members"] == len(body["members"]) else " …"
    onset = f"{body['onset_time'][:23]}Z"
    print(_FORMAT.format(onset, body["state"], body["n_stations"], " ".join(which) + more), flush=True)
