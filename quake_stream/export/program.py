"""What all exporters are as programs: a subscriber, signals that end it, logs on standard error."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

import structlog

from quake_stream import log
from quake_stream.export.choice import Choice
from quake_stream.export.loop import TOPICS, Exporter, Sink
from quake_stream.publish.subscriber import Subscriber
from quake_stream.supervision import StopSignals

# A signal that arrives just before ZeroMQ waits is seen by Python only when the wait ends: hence the limit.
_WAIT_S = 0.5


def run(
    make_sink: Callable[[], Sink],
    *,
    connect: str,
    states: AbstractSet[str],
    min_probability: float,
    since_ns: int | None = None,
    key: Path | None = None,
) -> None:
    """
    Export the feed at ``connect`` until SIGTERM or SIGINT.

    It begins with what was published since ``since_ns`` (UTC), as far as the service's journal has it,
    else with the present.  ``key`` is the file of keys for an encrypted feed.

    Raises
    ------
    QuakeStreamError
        The sink cannot be made or can take no more, or the feed is of a newer version.
    """
    log.configure()
    choice = Choice(states, min_probability=min_probability)
    with (
        StopSignals() as signals,
        Subscriber(connect, topics=TOPICS, timeout_s=_WAIT_S, since_ns=since_ns, key=key) as feed,
    ):
        exporter = Exporter(feed, make_sink(), choice)
        structlog.get_logger(__name__).info("export.started", connect=connect, states=sorted(states))
        exporter.run(lambda: signals.stop)
