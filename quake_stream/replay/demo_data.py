"""
Real earthquakes that ObsPy brings along, written as the miniSEED that a digitiser would send.

Four stations of the Bavarian network (BW.UH1 to UH4, about 230 s of 2010-05-27) recorded small earthquakes
some ten kilometres away.  No sample is changed, none is invented.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType

import numpy as np
import obspy

from quake_stream.errors import SourceError
from quake_stream.types import NS_PER_S

_FOLDER = "tests/data"
_NAMES = ("UH1._.SHZ", "UH2._.SHZ", "UH3._.SHZ", "UH3._.SHN", "UH3._.SHE", "UH4._.EHZ")
_RECORD_BYTES = 512
_16_24_UTC_NS = 1_274_977_440 * NS_PER_S  # 2010-05-27T16:24:00Z


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvent:
    """
    One earthquake of the demo recordings.

    ``p_arrivals_ns`` holds the first arrival by station (UTC ns); a station where it drowns in noise is
    not listed.  ``is_clear`` says that it stands far above the noise at all four stations.
    """

    name: str
    is_clear: bool
    p_arrivals_ns: Mapping[str, int]


def _event(name: str, *, is_clear: bool, **seconds_after_16_24: float) -> KnownEvent:
    arrivals = {
        f"BW.{station}": _16_24_UTC_NS + round(seconds * NS_PER_S)
        for station, seconds in seconds_after_16_24.items()
    }
    return KnownEvent(name=name, is_clear=is_clear, p_arrivals_ns=MappingProxyType(arrivals))


# Read off the vertical components: Akaike's criterion (obspy.signal.trigger.aic_simple) on 5-20 Hz in a
# window around each earthquake, every onset then checked by eye.  Good to 0.1 s for the clear ones and
# 0.3 s for the weak ones (the third at UH3 by eye alone).  S follows P at UH3 after 1.0 to 1.2 s.  The
# same four are what ObsPy's own test of its network trigger finds
# (obspy/signal/tests/test_trigger.py, test_coincidence_trigger_with_similarity_checking).
KNOWN_EVENTS = (
    _event("16:24:33", is_clear=True, UH1=33.34, UH2=33.24, UH3=33.15, UH4=34.12),
    _event("16:25:26", is_clear=False, UH1=86.87, UH2=86.8, UH3=86.62),
    _event("16:27:02", is_clear=False, UH1=182.26, UH2=182.15, UH3=182.08),
    _event("16:27:30", is_clear=True, UH1=210.66, UH2=210.54, UH3=210.43, UH4=211.40),
)


def write_demo_records(folder: Path) -> list[Path]:
    """
    Write ObsPy's recordings as 512-byte miniSEED 2 records, one file per component, into ``folder``.

    Counts become Steim2 (2 to 8 s a record).  BW.UH4 comes in numbers that are
    not whole, so it becomes 64-bit floats (0.56 s a record), which hold every digit of the original; its
    first second shows the settling of the filter that was applied to it.

    Raises
    ------
    SourceError
        ObsPy is installed without its test recordings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(name, folder) for name in _NAMES]


def _write(name: str, folder: Path) -> Path:
    recording = files("obspy.signal").joinpath(_FOLDER, f"BW.{name}.D.2010.147.cut.slist.gz")
    if not recording.is_file():
        raise SourceError(f"ObsPy is installed without its test recording {recording.name}: reinstall it")
    with as_file(recording) as path:
        (trace,) = obspy.read(str(path), format="SLIST")
    if np.array_equal(trace.data, trace.data.astype(np.int32)):
        trace.data, encoding = trace.data.astype(np.int32), "STEIM2"
    else:
        encoding = "FLOAT64"
    target = folder / f"{trace.id}.mseed"
    trace.write(str(target), format="MSEED", encoding=encoding, reclen=_RECORD_BYTES)
    return target
