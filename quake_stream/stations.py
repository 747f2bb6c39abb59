"""
Follow the state of each instrument and report changes, throttled.  Pure: time is an argument.

ok: windows come.  warming_up: data come, but not enough since the start.  gap: likewise, after a gap.
refused: data come that the model cannot use.  stale: no data.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quake_stream.detection.detector import InstrumentStatus
from quake_stream.publish.wire import InstrumentState
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, Gap, Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class StationStatus:
    """State of one instrument since ``since_ns``, with the reason in words."""

    instrument_id: InstrumentId
    state: InstrumentState
    reason: str
    since_ns: int


@dataclass(slots=True)
class _Seen:
    arrived_s: float = 0.0
    gap: Gap | None = None
    told: StationStatus | None = None
    told_s: float = float("-inf")


class StationWatch:
    """
    Turn what is seen of the instruments into changes of state.

    Parameters
    ----------
    stale_after_s
        An instrument without packets for so long is stale; None for recordings, which cannot be.
    min_interval_s
        At most one change per instrument in this time, so that a flapping station does not flood; the
        state after it is told in any case.
    """

    def __init__(self, *, stale_after_s: float | None, min_interval_s: float = 10.0) -> None:
        self._stale_after_s = stale_after_s
        self._min_interval_s = min_interval_s
        self._seen: dict[InstrumentId, _Seen] = {}

    def packet(self, packet: Packet, now_s: float) -> None:
        """Note that a packet arrived."""
        self._of(packet.source_id.instrument).arrived_s = now_s

    def gap(self, gap: Gap) -> None:
        """Note a gap; it explains why no windows come until the instrument is ok again."""
        self._of(gap.source_id.instrument).gap = gap

    def is_stale(self, instrument_id: InstrumentId, now_s: float) -> bool:
        """Whether an instrument has sent nothing for too long."""
        age_s = now_s - self._of(instrument_id).arrived_s
        return self._stale_after_s is not None and age_s > self._stale_after_s

    def changes(
        self, instruments: Iterable[InstrumentStatus], *, now_s: float, now_ns: int
    ) -> list[StationStatus]:
        """States that differ from what was told before; instruments that are not given any more are forgotten."""
        changed = []
        instruments = list(instruments)
        if len(self._seen) > len(instruments):
            known = {instrument.instrument_id for instrument in instruments}
            self._seen = {key: seen for key, seen in self._seen.items() if key in known}
        for instrument in instruments:
            seen = self._of(instrument.instrument_id)
            if now_s - seen.told_s < self._min_interval_s:
                continue
            state, reason = self._judge(instrument, seen, now_s)
            if seen.told is not None and seen.told.state == state:
                continue
            seen.told = StationStatus(
                instrument_id=instrument.instrument_id, state=state, reason=reason, since_ns=now_ns
            )
            seen.told_s = now_s
            changed.append(seen.told)
        return changed

    def states(self) -> Mapping[InstrumentState, int]:
        """Count the instruments by the state last told."""
        told = [seen.told.state for seen in self._seen.copy().values() if seen.told is not None]
        return Counter(told)

    def _judge(self, instrument: InstrumentStatus, seen: _Seen, now_s: float) -> tuple[InstrumentState, str]:
        if self.is_stale(instrument.instrument_id, now_s):
            return "stale", f"no data for {now_s - seen.arrived_s:.0f} s"
        if instrument.state == "refused":
            found = ", ".join(instrument.components) or "none"
            return "refused", f"the model accepts no set of these components: {found}"
        if instrument.state == "warming_up":
            if seen.gap is not None:
                gap_s = (seen.gap.end_ns - seen.gap.start_ns) / NS_PER_S
                return "gap", f"{gap_s:.2f} s are missing in {seen.gap.source_id.channel}"
            return "warming_up", "not enough data since the start"
        seen.gap = None
        return "ok", ""

    def _of(self, instrument_id: InstrumentId) -> _Seen:
        return self._seen.setdefault(instrument_id, _Seen())
