"""``quake-stream listen``: show what the feed says."""

import sys
from typing import Annotated

import typer

from quake_stream.cli.feed import FEED, KeyFile, Replay, Since, since_ns


def listen(
    endpoint: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where the service publishes.")] = FEED,
    topic: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PREFIX",
            help='Prefix of the topics wanted, repeatable: "detection.CX.", "heartbeat", "" for all.',
        ),
    ] = None,
    since: Since = None,
    replay: Replay = None,
    key: KeyFile = None,
    as_json: Annotated[
        bool | None, typer.Option("--json/--table", help="JSON lines or table; default: table on a terminal.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(metavar="N", help="Stop after so many messages.", min=1)
    ] = None,
) -> None:
    """
    Print detections as they come; a table on a terminal, JSON lines otherwise.

    Messages that were missed are fetched from the service's journal; those it does not have any more are
    reported, never hidden.

    Example: `quake-stream listen --since 1h --topic detection. | jq .body.station`
    """
    from quake_stream.cli.rows import HEADING, format_row  # noqa: PLC0415  ZeroMQ loads slowly
    from quake_stream.publish.listing import json_line  # noqa: PLC0415  likewise
    from quake_stream.publish.sequence import Missed  # noqa: PLC0415  likewise
    from quake_stream.publish.subscriber import Subscriber  # noqa: PLC0415  likewise
    from quake_stream.supervision import StopSignals  # noqa: PLC0415  likewise

    table = sys.stdout.isatty() if as_json is None else not as_json
    topics = tuple(topic) if topic else ("detection.",)
    begin_ns = since_ns(since)
    # A signal that arrives just before ZeroMQ waits is seen by Python only when the wait ends: hence the limit.
    with (
        StopSignals() as signals,
        Subscriber(
            endpoint, topics=topics, timeout_s=0.5, since_ns=begin_ns, replay=replay, key=key
        ) as subscriber,
    ):
        print(f"listening on {endpoint} for {', '.join(topics)}; Ctrl-C ends", file=sys.stderr)
        if table:
            print(HEADING, flush=True)
        n = 0
        while not signals.stop and n != count:
            try:
                item = subscriber.receive()
            except TimeoutError:
                continue
            if item is None or (isinstance(item, Missed) and item.count == 0):
                continue
            print(format_row(item) if table else json_line(item), flush=True)
            n += not isinstance(item, Missed)
