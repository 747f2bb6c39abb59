"""
Remember when data of each instrument came last, and how late they were.  Pure: time is an argument.

One thread writes; any thread may look.
"""

from collections.abc import Mapping
from typing import NamedTuple

from quake_stream.types import NS_PER_S, InstrumentId, Packet


class Arrival(NamedTuple):
    """The latest packet of an instrument: when it came (monotonic), and how long after its last sample."""

    arrived_s: float
    delay_s: float


class Arrivals:
    """The latest `Arrival` of each instrument; as many as the sources let in, which is bounded there."""

    def __init__(self) -> None:
        self._latest: dict[InstrumentId, Arrival] = {}

    def note(self, packet: Packet, now_s: float) -> None:
        """Note a packet that arrived; a station clock that is ahead makes no negative delay."""
        delay_s = max(0, packet.received_ns - packet.end_ns) / NS_PER_S
        self._latest[packet.source_id.instrument] = Arrival(now_s, delay_s)

    def latest(self) -> Mapping[InstrumentId, Arrival]:
        """Copy of all; safe from another thread, as ``dict.copy`` is atomic in CPython."""
        return self._latest.copy()
