"""
Which streams a SeedLink server says it has, and which wanted ones are not among them.  Pure.

Servers write attributes and times in several ways and some write broken XML, so facts are searched for, not
parsed; what is illegible is left out.
"""

import difflib
import re
from calendar import timegm
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from quake_stream.ingest.pattern_index import PatternIndex
from quake_stream.selection import StreamPattern
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

_TAG = re.compile(r"<(station|stream)\b")
_ATTRIBUTE = re.compile(r"""\b(\w+)\s*=\s*["']([^"']*)["']""")
_TIME = re.compile(r"(\d{4})[-/](\d\d?)[-/](\d\d?)[ T](\d\d?):(\d\d?):(\d\d?)(\.\d{1,9})?")
_FIRST_YEAR = 1980  # servers write 1970 for "none yet"
_N_CLOSE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One stream of a server, with the times (UTC ns) of the first and last data that it holds, if it says."""

    source_id: SourceId
    first_ns: int | None
    last_ns: int | None


def offers(text: str) -> Iterator[Offer]:
    """Read an answer to INFO STREAMS; streams of text (type L), opaque and calibration data are left out."""
    station: dict[str, str] = {}
    # Cut at each tag's beginning, as the search for its end must not run through all the others.
    _, *parts = _TAG.split(text)
    for tag, rest in zip(parts[::2], parts[1::2], strict=True):
        attributes, end, _ = rest.partition(">")
        if not end:
            continue
        values = dict(_ATTRIBUTE.findall(attributes))
        if tag == "station":
            station = values
        elif values.get("type", "D") == "D":
            try:
                source_id = SourceId.from_codes(
                    station.get("network", ""),
                    station.get("name", ""),
                    values.get("location", ""),
                    values.get("seedname", ""),
                )
            except ValueError:
                continue
            yield Offer(
                source_id=source_id,
                first_ns=time_ns(values.get("begin_time", "")),
                last_ns=time_ns(values.get("end_time", "")),
            )


def unmatched(include: Sequence[StreamPattern], streams: Sequence[SourceId]) -> list[StreamPattern]:
    """Patterns that want none of the streams, in their order."""
    index = PatternIndex(include)
    used = {p for s in streams for p in index.reaching(s.network, s.station) if p.matches(s)}
    return [pattern for pattern in dict.fromkeys(include) if pattern not in used]


def hint(pattern: StreamPattern, streams: Sequence[SourceId], stations: Iterable[str] = ()) -> str:
    """
    Say what a pattern that matches nothing may have meant; empty where nothing is close.

    ``stations`` (``NET.STA``) are those known besides the streams'.
    """
    there = [s for s in streams if pattern.matches_station(s.network, s.station)]
    if there:
        instruments = sorted({str(s.instrument) for s in there})
        more = f" and {len(instruments) - _N_CLOSE} more" if len(instruments) > _N_CLOSE else ""
        return f"there is {', '.join(f'{name}?' for name in instruments[:_N_CLOSE])}{more}"
    known = sorted({s.instrument.nsl for s in streams}.union(stations))
    name = f"{pattern.network}.{pattern.station}"
    close = difflib.get_close_matches(name.upper(), known, n=_N_CLOSE)
    return f"did you mean {' or '.join(close)}?" if close else ""


def time_ns(text: str) -> int | None:
    """``2010/05/27 16:24:03.6800`` or ``2010-05-27T16:24:03.68Z`` as UTC ns; None where it is none of these."""
    found = _TIME.match(text)
    if found is None or int(found[1]) < _FIRST_YEAR:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 62):
        return None
    fraction_ns = int((found[7] or ".")[1:].ljust(9, "0"))
    return timegm((year, month, day, hour, minute, second)) * NS_PER_S + fraction_ns
