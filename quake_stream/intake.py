"""
Count what a source delivers on its way to the queue, and tell it what has arrived at the detector.

No packet is changed, held or dropped here.
"""

import time
from collections.abc import Callable, Iterable

from quake_stream.arrivals import Arrivals
from quake_stream.health import SourceHealth
from quake_stream.protocols import Source
from quake_stream.types import Packet


class Intake:
    """A source with what its thread delivers: how much, and when last."""

    def __init__(self, source: Source, put: Callable[[Packet], None]) -> None:
        self.source = source
        self._put = put
        self._n_packets = 0
        self._last_packet_s: float | None = None

    def run(self) -> None:
        """Body of the source's thread."""
        self.source.run(self._deliver)

    def health(self, now_s: float) -> SourceHealth:
        """State for the health report; ``now_s`` is monotonic."""
        age_s = None if self._last_packet_s is None else now_s - self._last_packet_s
        return SourceHealth(name=self.source.name, n_packets=self._n_packets, last_packet_age_s=age_s)

    def _deliver(self, packet: Packet) -> None:
        self._n_packets += 1
        self._last_packet_s = time.monotonic()
        self._put(packet)


class Receipts:
    """What happens when the samples of a packet are safe in the ring; called in the worker's thread."""

    def __init__(self, sources: Iterable[Source], arrivals: Arrivals) -> None:
        self._sources = {source.name: source for source in sources}
        self._arrivals = arrivals

    def note(self, packet: Packet) -> None:
        """Note when the packet came, and tell its source, if it is one that remembers positions."""
        self._arrivals.note(packet, time.monotonic())
        if packet.position is not None:
            self._sources[packet.position.server].acknowledge(packet)
