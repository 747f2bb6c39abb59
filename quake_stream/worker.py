"""
The worker: queue → pipeline → feed, in one thread.

It owns the detector, the model and the feed's sockets, and knows the last two by their protocols only.
"""

import platform
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

import quake_stream
from quake_stream.counters import Counters, Key, by_reason, merge
from quake_stream.errors import QuakeStreamError
from quake_stream.histogram import Histogram
from quake_stream.packet_queue import PacketQueue
from quake_stream.pipeline import Pipeline
from quake_stream.protocols import Publisher
from quake_stream.publish import wire
from quake_stream.station_log import StationLog
from quake_stream.stations import StationWatch
from quake_stream.types import NS_PER_S, Detection, Gap, ModelSpec, Packet

log = structlog.get_logger()

# A station at hand is a second late, one behind a satellite or with 4096-byte records a minute and more.
_LATENCY_BOUNDS_S = (0.5, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300)
_TICK_S = 0.25
_STATUS_S = 1.0
# Few enough that heartbeats and a stop come in time on a slow machine that has much to catch up with.
_TURN_PACKETS = 8
# Data older than this when a detection is made are a recording or a long backfill, never "live".
_LIVE_LIMIT_NS = 3600 * NS_PER_S


class Feed(Publisher, Protocol):
    """A publisher with the state that heartbeats report."""

    @property
    def session(self) -> UUID:
        """Identity of this run of the service."""
        ...

    @property
    def last_sequence(self) -> int:
        """Sequence number of the latest message."""
        ...

    @property
    def endpoint(self) -> str:
        """Address that it is bound to."""
        ...

    @property
    def replay_endpoint(self) -> str:
        """Address where subscribers get what they missed."""
        ...

    @property
    def problem(self) -> str:
        """What does not work although messages are sent, in words; empty when all is well."""
        ...

    def poll(self) -> None:
        """Serve the sockets' housekeeping."""
        ...

    def admit(self, clients: Mapping[str, str]) -> None:
        """Let in others than before, name → public key, where the feed is encrypted."""
        ...

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the feed's counters."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """What the worker writes into messages, and how often it sends heartbeats."""

    heartbeat_s: float
    author: str
    agency: str
    is_replay: bool


class Worker:
    """
    Take packets from the queue until it is closed and drained.

    Parameters
    ----------
    pipeline
        Detector and model.
    queue
        Where the sources put packets.
    open_feed
        Opens the feed; called, used and closed in the worker's thread, as ZeroMQ sockets demand.
    received
        Told of each packet once its samples are in the ring.
    watch
        Follows the state of each instrument.
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        queue: PacketQueue,
        spec: ModelSpec,
        open_feed: Callable[[], AbstractContextManager[Feed]],
        received: Callable[[Packet], None],
        watch: StationWatch,
        settings: FeedSettings,
    ) -> None:
        self.ready = threading.Event()
        self.progress = 0
        self.n_detections = 0
        self.latency = Histogram(_LATENCY_BOUNDS_S)  # of the first message of each detection
        self.pipeline = pipeline
        self._queue = queue
        self._spec = spec
        self._open_feed = open_feed
        self._received = received
        self._watch = watch
        self._settings = settings
        self._log = StationLog()
        self._counters = Counters()  # of what the feed refused
        self._started_s = time.monotonic()
        self._next_heartbeat_s = 0.0
        self._next_status_s = 0.0
        self._rates: deque[tuple[float, int]] = deque(maxlen=12)
        self._pending: deque[Callable[[], None]] = deque()
        self._feed: Feed | None = None

    def run(self) -> None:
        """Work until the queue is closed and drained; returns after every detection has been closed."""
        with self._open_feed() as feed:
            self._feed = feed
            self._heartbeat(feed)
            self.ready.set()
            while not self._queue.drained:
                self._turn(feed)
            for detection in self.pipeline.finish():
                self._publish(feed, detection)
            self._heartbeat(feed)

    def between_turns(self, change: Callable[[], None]) -> None:
        """Run ``change`` in the worker's thread before its next turn; how a reload gets in."""
        self._pending.append(change)

    def admit(self, clients: Mapping[str, str]) -> None:
        """Let others subscribe than before, from the next turn on; of no effect before the feed is open."""
        self.between_turns(lambda: self._feed.admit(clients) if self._feed else None)

    def stations(self) -> Mapping[str, int]:
        """Count the instruments by state."""
        return {str(state): n for state, n in self._watch.states().items()}

    def counts(self) -> dict[Key, int]:
        """Snapshot of the counters of detector, queue and feed."""
        feed = self._feed.counts() if self._feed else {}
        own = (self.pipeline.detector.counters.snapshot(), self._counters.snapshot())
        return merge([*own, self._queue.counts(), feed])

    @property
    def endpoint(self) -> str:
        """Address of the feed; empty until it is open."""
        return self._feed.endpoint if self._feed else ""

    @property
    def replay_endpoint(self) -> str:
        """Address of the feed's journal; empty until it is open."""
        return self._feed.replay_endpoint if self._feed else ""

    @property
    def feed_problem(self) -> str:
        """What does not work in the feed, in words; empty when all is well."""
        return self._feed.problem if self._feed else ""

    def _turn(self, feed: Feed) -> None:
        self.progress += 1
        while self._pending:
            self._pending.popleft()()
        limit_s = min(_TICK_S, max(0.0, self._next_heartbeat_s - time.monotonic()))
        for packet in self._queue.get(self.pipeline.wait_s(limit_s), max_packets=_TURN_PACKETS):
            self.progress += 1
            self._watch.packet(packet, time.monotonic())
            for result in self.pipeline.receive(packet):
                if isinstance(result, Gap):
                    self._watch.gap(result)
                else:
                    self._publish(feed, result)
            self._received(packet)
        for detection in self.pipeline.score():
            self._publish(feed, detection)
        now_s = time.monotonic()
        if now_s >= self._next_status_s:
            self._next_status_s = now_s + _STATUS_S
            self._close_silent(feed, now_s)
            self._publish_status(feed, now_s)
        if now_s >= self._next_heartbeat_s:
            self._heartbeat(feed)
        feed.poll()

    def _close_silent(self, feed: Feed, now_s: float) -> None:
        """End the detections of stale instruments: in data time, which stands still, they never would."""
        for instrument in self.pipeline.detector.instruments():
            instrument_id = instrument.instrument_id
            if instrument.state == "triggered" and self._watch.is_stale(instrument_id, now_s):
                for detection in self.pipeline.close_silent(instrument_id):
                    self._publish(feed, detection)

    def _publish_status(self, feed: Feed, now_s: float) -> None:
        instruments = self.pipeline.detector.instruments()
        for status in self._watch.changes(instruments, now_s=now_s, now_ns=time.time_ns()):
            body = wire.status_body(
                status.instrument_id, state=status.state, reason=status.reason, since_ns=status.since_ns
            )
            self._send(feed, wire.status_topic(status.instrument_id), body)
            self._log.state(status, now_s)
        self._log.sum_up(now_s)

    def _publish(self, feed: Feed, detection: Detection) -> None:
        created_ns = time.time_ns()
        old = created_ns - detection.on_ns > _LIVE_LIMIT_NS
        body = wire.detection_body(
            detection,
            self._spec,
            processing="replay" if self._settings.is_replay or old else "live",
            author=self._settings.author,
            agency=self._settings.agency,
            created_ns=created_ns,
        )
        self._send(feed, wire.topic_for(detection), body)
        if detection.revision == 0:
            self.n_detections += 1
            self.latency.observe(detection.latency.total_s)
        self._log.detection(detection, time.monotonic())

    def _heartbeat(self, feed: Feed) -> None:
        now_s = time.monotonic()
        self._next_heartbeat_s = now_s + self._settings.heartbeat_s
        self._rates.append((now_s, self.pipeline.n_windows))
        body = wire.heartbeat_body(
            host=platform.node(),
            version=quake_stream.__version__,
            uptime_s=now_s - self._started_s,
            session=feed.session,
            last_sequence=feed.last_sequence,
            stations=self._watch.states(),
            windows_per_s=self.windows_per_s,
            queue_depth=len(self._queue),
            drops={name: n for name, n in by_reason(self.counts()).items() if ".dropped" in name},
            model_sha256=self._spec.sha256,
            processing="replay" if self._settings.is_replay else "live",
            created_ns=time.time_ns(),
        )
        self._send(feed, wire.HEARTBEAT_TOPIC, body)

    def _send(self, feed: Feed, topic: str, body: Mapping[str, object]) -> None:
        """Send a message; one that the feed refuses is counted and logged, as a restart would only meet it again."""
        try:
            feed.send(topic, body)
        except QuakeStreamError as exc:
            self._counters.add("messages.dropped", reason=topic.partition(".")[0])
            log.error("message.dropped", topic=topic, id=body.get("id"), error=str(exc))  # noqa: TRY400  the words say it all

    @property
    def windows_per_s(self) -> float:
        """Windows scored per second over the last minute of heartbeats."""
        if len(self._rates) < 2:
            return 0.0
        (then_s, then), (now_s, now) = self._rates[0], self._rates[-1]
        return (now - then) / (now_s - then_s) if now_s > then_s else 0.0
