"""
The one queue between ingest and worker: bounded, many writers, one reader.

A server moves a slow reader on without a word, so live readers must never wait: when the queue is full its
oldest packet goes, and is counted.  Recordings can wait, so they do.
"""

import threading
from collections import deque

from quake_stream.counters import Counters, Key
from quake_stream.types import Packet


class PacketQueue:
    """
    Packets in order of arrival.

    Parameters
    ----------
    max_packets
        Bound of the queue.
    """

    def __init__(self, *, max_packets: int) -> None:
        self._max_packets = max_packets
        self._packets: deque[Packet] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._counters = Counters()

    def put(self, packet: Packet) -> None:
        """Append a packet; when the queue is full, drop its oldest and count that."""
        with self._changed:
            if self._closed:
                self._count_drop(packet, reason="closed")
                return
            if len(self._packets) >= self._max_packets:
                self._count_drop(self._packets.popleft(), reason="queue_full")
            self._packets.append(packet)
            self._changed.notify_all()

    def put_waiting(self, packet: Packet) -> None:
        """Append a packet, waiting for room; for recordings only."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._packets) < self._max_packets)
            if self._closed:
                self._count_drop(packet, reason="closed")
                return
            self._packets.append(packet)
            self._changed.notify_all()

    def get(self, timeout_s: float, *, max_packets: int = 256) -> list[Packet]:
        """
        Take up to ``max_packets`` packets, waiting at most ``timeout_s`` for the first one.

        Empty when none came in time, or when the queue is closed and drained (see `drained`).
        """
        with self._changed:
            self._changed.wait_for(lambda: self._packets or self._closed, timeout=timeout_s)
            taken = [self._packets.popleft() for _ in range(min(max_packets, len(self._packets)))]
            if taken:
                self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Take no more packets; what is queued can still be read.  Wakes reader and writers."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def discard(self) -> None:
        """Drop all that is queued, and count it; for a stop that must not take longer."""
        with self._changed:
            while self._packets:
                self._count_drop(self._packets.popleft(), reason="shutdown")
            self._changed.notify_all()

    @property
    def drained(self) -> bool:
        """Whether the queue is closed and empty: nothing will ever come again."""
        with self._changed:
            return self._closed and not self._packets

    def __len__(self) -> int:
        return len(self._packets)

    def counts(self) -> dict[Key, int]:
        """Snapshot of the drops (``packets.dropped``)."""
        return self._counters.snapshot()

    def _count_drop(self, packet: Packet, *, reason: str) -> None:
        self._counters.add("packets.dropped", reason=reason, station=packet.source_id.instrument.nsl)
