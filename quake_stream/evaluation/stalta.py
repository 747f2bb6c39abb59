"""
The bar: ObsPy's classic STA/LTA on the vertical component, over the same recordings.

Short average 0.5 s, long average 10 s (Allen 1978, "Automatic earthquake recognition and timing from
single traces"), behind a causal band-pass 1-20 Hz; on and off as ``trigger_onset`` has them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import obspy
from numpy.typing import NDArray
from obspy.io.mseed import ObsPyMSEEDError
from obspy.signal.trigger import classic_sta_lta, trigger_onset

from quake_stream.evaluation.matching import Found, Span
from quake_stream.selection import StreamPattern
from quake_stream.source_id import InstrumentId, SourceId
from quake_stream.types import NS_PER_S
from quake_stream.windowing.components import choose_set

STA_S: Final = 0.5
LTA_S: Final = 10.0
BAND_HZ: Final = (1.0, 20.0)
CORNERS: Final = 4

_ACCEPTED_SETS: Final = ("ZNE", "Z12", "123", "ZXY", "Z", "1C")
_TOP: Final = 0.45  # of the sampling rate: the highest corner where the rate does not allow 20 Hz


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ratio:
    """STA/LTA of one trace without a gap, [n]; the first 10 s, which have no long average, are 0."""

    instrument_id: InstrumentId
    start_ns: int
    rate_hz: float
    values: NDArray[np.float64]

    @property
    def live(self) -> Span:
        """Time in which it can trigger."""
        return self.time_ns(round(LTA_S * self.rate_hz)), self.time_ns(len(self.values))

    def time_ns(self, index: int) -> int:
        """Time of a sample."""
        return self.start_ns + round(index * NS_PER_S / self.rate_hz)


def ratios(paths: Iterable[Path], include: Sequence[StreamPattern]) -> list[Ratio]:
    """
    Compute the characteristic function of every gapless trace of the vertical component.

    The vertical is the first of the components that the networks use; of an instrument with a single
    component, that one.
    """
    by_instrument: dict[InstrumentId, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for source_id, trace in _traces(paths):
        if any(pattern.matches(source_id) for pattern in include):
            by_instrument[source_id.instrument][source_id.subsource].append(trace)
    found = []
    for instrument_id, by_component in by_instrument.items():
        chosen = choose_set(by_component.keys(), _ACCEPTED_SETS)
        if chosen is not None:
            # Joins what follows without a gap and leaves gaps open.
            found += [
                _ratio(instrument_id, trace)
                for trace in obspy.Stream(by_component[chosen[0]]).merge(method=-1)
                if trace.stats.npts > LTA_S * trace.stats.sampling_rate
            ]
    return found


def detections(found: Iterable[Ratio], *, on: float, off: float) -> list[Found]:
    """Trigger on every trace; the onset and the announcement are the sample that reaches ``on``."""
    result = []
    for ratio in found:
        for start, _ in trigger_onset(ratio.values, on, off):
            time_ns = ratio.time_ns(int(start))
            result.append(Found(station=ratio.instrument_id.nsl, onset_ns=time_ns, announced_ns=time_ns))
    return result


def _traces(paths: Iterable[Path]) -> Iterator[tuple[SourceId, Any]]:
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            for trace in _read(file):
                codes = trace.stats
                yield (
                    SourceId.from_codes(codes.network, codes.station, codes.location, codes.channel),
                    trace,
                )


def _read(file: Path) -> Iterable[Any]:
    """Read a file; nothing where it is none of miniSEED, which whoever lists the files has counted."""
    try:
        return obspy.read(str(file), format="MSEED")  # type: ignore[no-any-return]  # ObsPy has no types
    except (ObsPyMSEEDError, ValueError, TypeError):
        return ()


def _ratio(instrument_id: InstrumentId, trace: Any) -> Ratio:
    rate_hz = trace.stats.sampling_rate
    low_hz, high_hz = BAND_HZ
    trace = trace.copy()
    trace.data = trace.data - trace.data.mean(dtype=np.float64)
    trace.filter(
        "bandpass", freqmin=low_hz, freqmax=min(high_hz, _TOP * rate_hz), corners=CORNERS, zerophase=False
    )
    values = classic_sta_lta(trace.data, round(STA_S * rate_hz), round(LTA_S * rate_hz))
    return Ratio(
        instrument_id=instrument_id,
        start_ns=trace.stats.starttime.ns,
        rate_hz=rate_hz,
        values=np.nan_to_num(values, nan=0.0, posinf=0.0),  # dead silence: 0 / 0
    )
