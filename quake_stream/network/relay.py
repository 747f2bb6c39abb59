"""
A feed of detections → a feed of network detections; opens no socket, both ends are handed in.

Data time alone decides, as the messages tell it, so that a recorded feed gives what the live one gave.
"""

import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import quake_stream
from quake_stream.counters import Counters, Key, by_reason
from quake_stream.network.coincidence import Coincidence, NetworkDetection
from quake_stream.network.messages import TOPIC, data_time_ns, is_detection, network_body, trigger_of
from quake_stream.network.rule import CoincidenceRule
from quake_stream.protocols import Publisher
from quake_stream.publish.frames import Message
from quake_stream.publish.sequence import Missed
from quake_stream.publish.wire import HEARTBEAT_TOPIC, Processing, heartbeat_body

HEARTBEAT_S: Final = 5.0


class Relay:
    """
    Take messages of one feed, send what follows from them on another.

    Parameters
    ----------
    rule
        When triggers make a network detection.
    feed
        Where network detections and a heartbeat go.
    session
        That of ``feed``, for its heartbeat.
    host
        Name of this machine, likewise.
    author, agency
        Who claims the network detections.
    """

    def __init__(
        self,
        rule: CoincidenceRule,
        feed: Publisher,
        *,
        session: UUID,
        host: str,
        author: str = "quake_stream",
        agency: str = "",
    ) -> None:
        self._feed = feed
        self._session = session
        self._host = host
        self._author = author
        self._agency = agency
        self._counters = Counters()
        self._coincidence = Coincidence(rule, self._counters)
        self._started_s = time.monotonic()
        self._next_heartbeat_s = self._started_s
        self._last_sequence = 0
        self._processing: Processing = "live"

    def take(self, item: Message | Missed) -> list[dict[str, object]]:
        """Take a message or a notice of missed ones; returns the bodies that were sent for it."""
        if isinstance(item, Missed):
            self._counters.add("messages.missed", item.count, reason=item.reason)
            return []
        now_ns = data_time_ns(item.body)
        if not is_detection(item.body):
            return self._send(self._coincidence.advance(now_ns))
        try:
            trigger, state = trigger_of(item.body)
        except ValueError:
            self._counters.add("messages.refused", reason="malformed")
            return []
        self._processing = "live" if trigger.is_live else "replay"
        return self._send(self._coincidence.receive(trigger, state, now_ns))

    def heartbeat(self) -> None:
        """Say that this program is alive, when it is time to."""
        now_s = time.monotonic()
        if now_s < self._next_heartbeat_s:
            return
        self._next_heartbeat_s = now_s + HEARTBEAT_S
        body = heartbeat_body(
            host=self._host,
            version=quake_stream.__version__,
            uptime_s=now_s - self._started_s,
            session=self._session,
            last_sequence=self._last_sequence,
            stations={},
            windows_per_s=0.0,
            queue_depth=0,
            drops=by_reason(self.counts()),
            model_sha256="",
            processing=self._processing,
            created_ns=time.time_ns(),
        )
        self._last_sequence = self._feed.send(HEARTBEAT_TOPIC, body)

    def finish(self) -> list[dict[str, object]]:
        """End what is open, as the program ends."""
        return self._send(self._coincidence.finish())

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters: triggers received and dropped, messages missed and refused."""
        return self._counters.snapshot()

    def _send(self, detections: list[NetworkDetection]) -> list[dict[str, object]]:
        bodies: list[dict[str, Any]] = [
            network_body(one, author=self._author, agency=self._agency, created_ns=time.time_ns())
            for one in detections
        ]
        for body in bodies:
            self._last_sequence = self._feed.send(TOPIC, body)
        return bodies
