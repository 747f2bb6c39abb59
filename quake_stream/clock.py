"""Tell the time to parts that must not ask for it themselves."""

import time
from collections.abc import Callable

from quake_stream.types import NS_PER_S, Packet

STEP_NS = NS_PER_S  # what no correction in small parts makes at once
# Longer than anything may wait between arrival and inference.
PATIENCE_NS = 300 * NS_PER_S


class WallClock:
    """
    The host's UTC clock, which follows when it is set forward only after five minutes.

    Until then packets that arrived before do not look as if they had waited for so long.  What arrives
    meanwhile seems to come from the future, and is due at once.

    Parameters
    ----------
    utc_ns, monotonic_ns
        The host's clocks.
    """

    def __init__(
        self,
        utc_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._utc_ns = utc_ns
        self._monotonic_ns = monotonic_ns
        self._offset_ns = utc_ns() - monotonic_ns()
        self._set_forward_ns: int | None = None  # monotonic time at which a step was noticed

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        utc_ns, elapsed_ns = self._utc_ns(), self._monotonic_ns()
        is_forward = utc_ns - elapsed_ns > self._offset_ns + STEP_NS
        if is_forward and self._set_forward_ns is None:
            self._set_forward_ns = elapsed_ns
        if is_forward and elapsed_ns - (self._set_forward_ns or 0) < PATIENCE_NS:
            return elapsed_ns + self._offset_ns
        self._set_forward_ns = None
        self._offset_ns = utc_ns - elapsed_ns
        return utc_ns

    def see(self, packet: Packet) -> None:
        """Do nothing: live time does not hang on data."""


class ClockWatch:
    """Notice when the host's clock is set."""

    def __init__(
        self,
        utc_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._utc_ns = utc_ns
        self._monotonic_ns = monotonic_ns
        self._offset_ns = utc_ns() - monotonic_ns()

    def look(self) -> int:
        """Tell by how much it was set since the last look (ns); 0 where that is less than `STEP_NS`."""
        before_ns, self._offset_ns = self._offset_ns, self._utc_ns() - self._monotonic_ns()
        step_ns = self._offset_ns - before_ns
        return step_ns if abs(step_ns) >= STEP_NS else 0


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
