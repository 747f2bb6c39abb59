"""
Remember when data of each instrument came last, and how late they were.  Pure: time is an argument.

One thread writes; any thread may look.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, Packet

MAX_INSTRUMENTS: Final = 20_000
"""Several times the largest networks, whatever codes a server makes up."""

_FORGET_AFTER_S: Final = 7 * 86_400.0
_FORGET_EVERY_S: Final = 60.0


class Arrival(NamedTuple):
    """The latest packet of an instrument: when it came (monotonic), and how long after its last sample."""

    arrived_s: float
    delay_s: float


class Arrivals:
    """
    The latest `Arrival` of each instrument.

    An instrument that has fallen silent stays, as that is what somebody will want to know.  When there are
    too many, those silent for a week make room; where none are, new ones are not remembered.
    """

    def __init__(self, *, max_instruments: int = MAX_INSTRUMENTS) -> None:
        self._max = max_instruments
        self._latest: dict[InstrumentId, Arrival] = {}
        self._next_forget_s = float("-inf")

    def note(self, packet: Packet, now_s: float) -> None:
        """Note a packet that arrived; a station clock that is ahead makes no negative delay."""
        instrument_id = packet.source_id.instrument
        if instrument_id not in self._latest and not self._has_room(now_s):
            return
        delay_s = max(0, packet.received_ns - packet.end_ns) / NS_PER_S
        self._latest[instrument_id] = Arrival(now_s, delay_s)

    def latest(self) -> Mapping[InstrumentId, Arrival]:
        """Copy of all; safe from another thread, as ``dict.copy`` is atomic in CPython."""
        return self._latest.copy()

    def _has_room(self, now_s: float) -> bool:
        if len(self._latest) >= self._max and now_s >= self._next_forget_s:
            self._next_forget_s = now_s + _FORGET_EVERY_S
            for instrument_id, arrival in self.latest().items():
                if now_s - arrival.arrived_s > _FORGET_AFTER_S:
                    del self._latest[instrument_id]
        return len(self._latest) < self._max
