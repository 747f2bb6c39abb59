"""
The one queue between ingest and worker: bounded, many writers, one reader.

A server moves a slow reader on without a word, so live readers must never wait: when the queue is full, the
oldest packet of the station with the most goes, and is counted.  Recordings can wait, so they do.
"""

import threading
from collections.abc import Hashable
from typing import Final

from quake_stream.backlog import Backlog, slots_of
from quake_stream.counters import Counters, Key
from quake_stream.types import Packet

_RECORDINGS: Final[Hashable] = ()  # the key that they all share


class PacketQueue:
    """
    Live packets station by station in turn, those of a station in order of arrival; recordings as they came.

    Parameters
    ----------
    max_packets
        Bound of the queue; packets of more than 1000 samples count several times, so memory is bounded too.
    """

    def __init__(self, *, max_packets: int) -> None:
        self._max_packets = max_packets
        self._backlog = Backlog()
        self._changed = threading.Condition()
        self._closed = False
        self._counters = Counters()

    def put(self, packet: Packet) -> None:
        """Append a packet; when the queue is full, make room by dropping, and count that."""
        source_id = packet.source_id
        with self._changed:
            if self._closed:
                self._count_drop(packet, reason="closed")
                return
            while self._backlog and not self._has_room(packet):
                self._count_drop(self._backlog.drop(), reason="queue_full")
            self._backlog.put((source_id.network, source_id.station), packet)
            self._changed.notify_all()

    def put_waiting(self, packet: Packet) -> None:
        """Append a packet, waiting for room; for recordings only."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._backlog or self._has_room(packet))
            if self._closed:
                self._count_drop(packet, reason="closed")
                return
            self._backlog.put(_RECORDINGS, packet)
            self._changed.notify_all()

    def get(self, timeout_s: float, *, max_packets: int = 256) -> list[Packet]:
        """
        Take up to ``max_packets`` packets, waiting at most ``timeout_s`` for the first one.

        Empty when none came in time, or when the queue is closed and drained (see `drained`).
        """
        with self._changed:
            self._changed.wait_for(lambda: self._backlog or self._closed, timeout=timeout_s)
            taken = [self._backlog.take() for _ in range(min(max_packets, len(self._backlog)))]
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
            while self._backlog:
                self._count_drop(self._backlog.take(), reason="shutdown")
            self._changed.notify_all()

    @property
    def drained(self) -> bool:
        """Whether the queue is closed and empty: nothing will ever come again."""
        with self._changed:
            return self._closed and not self._backlog

    @property
    def used(self) -> float:
        """Share of the bound that is taken, 0 to 1; above it with a packet that alone is too large."""
        return self._backlog.n_slots / self._max_packets

    def __len__(self) -> int:
        return len(self._backlog)

    def counts(self) -> dict[Key, int]:
        """Snapshot of the drops (``packets.dropped``)."""
        return self._counters.snapshot()

    def _has_room(self, packet: Packet) -> bool:
        return self._backlog.n_slots + slots_of(packet) <= self._max_packets

    def _count_drop(self, packet: Packet, *, reason: str) -> None:
        self._counters.add("packets.dropped", reason=reason, station=packet.source_id.instrument.nsl)
