"""
The loop of every exporter: feed → choice → sink, with a status line a minute and all losses counted.

It knows no file, database or network; it ends when it is told to, and the sink is closed whatever happens.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import structlog

from quake_stream.counters import Counters, Key, by_reason, merge
from quake_stream.export.choice import Choice, fault
from quake_stream.formats import Body
from quake_stream.publish.frames import Message
from quake_stream.publish.sequence import Missed

STATUS_EVERY_S: Final = 60.0
SILENT_AFTER_S: Final = 30.0  # six heartbeats: the service is away, not just the Earth quiet
# Heartbeats are asked for as well: each ends a wait, and without them silence would mean nothing.
TOPICS: Final = ("detection.", "heartbeat")

log = structlog.get_logger(__name__)


class Feed(Protocol):
    """Where messages come from; a `Subscriber`, whose ``timeout_s`` bounds how late a stop is noticed."""

    def receive(self) -> Message | Missed | None:
        """Wait for the next item; None when stopped, TimeoutError after a silence."""
        ...

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        ...


class Sink(Protocol):
    """Where detections go."""

    @property
    def n_waiting(self) -> int:
        """Detections that are accepted but not out yet."""
        ...

    def write(self, body: Body) -> None:
        """Take one detection; raises QuakeStreamError when this sink can take no more."""
        ...

    def settle(self) -> None:
        """Make what was written survive a power cut; called whenever the feed pauses."""
        ...

    def close(self) -> None:
        """Finish what is waiting within a bounded time, and let go."""
        ...

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of what became of the detections."""
        ...


class Exporter:
    """
    Hand the wanted detections of a feed to a sink until told to stop.

    Parameters
    ----------
    feed, sink, choice
        The parts; the sink is closed by `run`, the feed is not.
    clock_s
        Monotonic seconds.
    """

    def __init__(
        self, feed: Feed, sink: Sink, choice: Choice, *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._feed = feed
        self._sink = sink
        self._choice = choice
        self._clock_s = clock_s
        self._counters = Counters()
        self._heard_s = self._status_s = clock_s()
        self._silent = False

    def run(self, stopped: Callable[[], bool]) -> None:
        """
        Export until ``stopped`` or the end of the feed, then close the sink and log a summary.

        Raises
        ------
        QuakeStreamError
            The sink can take no more, or the feed is of a newer version.
        """
        try:
            while not stopped():
                try:
                    item = self._feed.receive()
                except TimeoutError:
                    self._sink.settle()
                else:
                    if item is None:
                        break
                    self._take(item)
                self._watch()
        finally:
            try:
                self._sink.close()
            finally:
                log.info("export.stopped", **self._summary())

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of all counters: the loop's, the sink's and the feed's."""
        return merge([self._counters.snapshot(), self._sink.counts(), self._feed.counts()])

    def _take(self, item: Message | Missed) -> None:
        self._heard_s = self._clock_s()
        if isinstance(item, Missed):
            if item.count and item.reason != "joined":
                log.warning("feed.missed", n_messages=item.count, reason=item.reason)
            return
        if not item.topic.startswith("detection."):
            return
        body = item.body
        if field := fault(body):
            if not self._counters.total(
                "detections.refused", reason=field
            ):  # the first only, the rest is counted
                log.warning("export.refused", topic=item.topic, field=field)
            self._counters.add("detections.refused", reason=field)
        elif why := self._choice.withheld(body):
            self._counters.add("detections.withheld", reason=why)
        else:
            self._sink.write(body)
            self._counters.add("detections.exported")

    def _watch(self) -> None:
        """Log what changed, and once a minute how things are."""
        now_s = self._clock_s()
        silent = now_s - self._heard_s > SILENT_AFTER_S
        if silent != self._silent:
            self._silent = silent
            if silent:
                log.warning("feed.silent", silent_s=round(now_s - self._heard_s, 1))
            else:
                log.info("feed.heard")
        if now_s - self._status_s >= STATUS_EVERY_S:
            self._status_s = now_s
            log.info("export.status", heard_s_ago=round(now_s - self._heard_s, 1), **self._summary())

    def _summary(self) -> dict[str, object]:
        return {"n_waiting": self._sink.n_waiting, "counts": by_reason(self.counts())}
