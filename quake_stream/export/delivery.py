"""
Hand detections to a slow receiver without making the feed wait: a bounded queue and one thread.

When the queue is full its oldest detection goes, and is counted: what is new matters most.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from quake_stream.counters import Counters, Key, merge
from quake_stream.errors import QuakeStreamError
from quake_stream.formats import Body
from quake_stream.supervision import GuardedThread

MAX_WAITING: Final = 1000  # hours of a busy network, a few megabytes
DRAIN_S: Final = 10.0  # how long a stop may wait for a receiver that answers
ABANDON_S: Final = 15.0  # then for the attempt under way, which has its own time limit below this


class Receiver(Protocol):
    """What delivers; used by the thread only."""

    def deliver(self, body: Body) -> str:
        """Deliver one detection, trying again as it sees fit; empty, or the reason why it was given up."""
        ...

    def close(self) -> None:
        """Let go."""
        ...

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of its own counters; callable from any thread."""
        ...


class Delivery:
    """
    A sink in front of a `Receiver`.

    Parameters
    ----------
    receiver
        Delivers; closed with the sink.
    hurry
        Set when a stop must not take longer; the receiver then tries no more.
    max_waiting
        Bound of the queue.
    drain_s
        How long `close` waits for the queue to empty before it sets ``hurry``.
    """

    def __init__(
        self,
        receiver: Receiver,
        hurry: threading.Event,
        *,
        max_waiting: int = MAX_WAITING,
        drain_s: float = DRAIN_S,
    ) -> None:
        self._receiver = receiver
        self._hurry = hurry
        self._max_waiting = max_waiting
        self._drain_s = drain_s
        self._waiting: deque[Body] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._dropped = Counters()  # under the lock
        self._delivered = Counters()  # the thread's
        self._thread = GuardedThread(name="delivery", body=self._work, failed=lambda: None)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """Detections in the queue, without the one under way."""
        return len(self._waiting)

    def write(self, body: Body) -> None:
        """Queue one detection, never waiting; raises QuakeStreamError when the thread has failed."""
        self.settle()
        with self._changed:
            if len(self._waiting) >= self._max_waiting:
                self._waiting.popleft()
                self._dropped.add("deliveries.dropped", reason="queue_full")
            self._waiting.append(body)
            self._changed.notify_all()

    def settle(self) -> None:
        """Raise QuakeStreamError when the thread has failed."""
        if self._thread.failure is not None:
            raise QuakeStreamError(f"the delivery failed: {self._thread.failure}") from self._thread.failure

    def close(self) -> None:
        """Deliver what is waiting for at most ``drain_s``, then count the rest as dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(self._drain_s)
        with self._changed:
            self._hurry.set()
            if self._waiting:
                self._dropped.add("deliveries.dropped", len(self._waiting), reason="shutdown")
                self._waiting.clear()
        self._thread.join(ABANDON_S)

    def counts(self) -> Mapping[Key, int]:
        """``deliveries.done``, ``.failed`` by reason, ``.dropped`` by reason, and the receiver's own."""
        return merge([self._dropped.snapshot(), self._delivered.snapshot(), self._receiver.counts()])

    def _work(self) -> None:
        try:
            while (body := self._next()) is not None:
                reason = self._receiver.deliver(body)
                if reason:
                    self._delivered.add("deliveries.failed", reason=reason)
                else:
                    self._delivered.add("deliveries.done")
        finally:
            self._receiver.close()

    def _next(self) -> Body | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return self._waiting.popleft() if self._waiting else None


def start(make_receiver: Callable[[threading.Event], Receiver]) -> Delivery:
    """Start a delivery whose receiver knows the event that ends its attempts."""
    hurry = threading.Event()
    return Delivery(make_receiver(hurry), hurry)
