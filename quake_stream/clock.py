"""Tell the time to parts that must not ask for it themselves."""

import time

from quake_stream.types import Packet


class WallClock:
    """The host's UTC clock."""

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return time.time_ns()

    def see(self, packet: Packet) -> None:
        """Do nothing: live time does not hang on data."""


class DataClock:
    """
    The clock of a recording: as late as the latest packet seen.

    With it every deadline and latency is a property of the data, so a replay gives the same result at
    any speed.
    """

    def __init__(self) -> None:
        self._now_ns = 0

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970 of the latest packet, 0 before the first."""
        return self._now_ns

    def see(self, packet: Packet) -> None:
        """Advance to a packet's arrival; never goes back."""
        self._now_ns = max(self._now_ns, packet.received_ns)


Clock = WallClock | DataClock
