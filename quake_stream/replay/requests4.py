"""
Stations, selectors and times as a SeedLink 4 client writes them.  Pure.

Selectors are ``LOC_B_S_SS`` with ``?`` and ``*`` as wildcards, ``!`` in front to exclude, a format behind
(``*_H_?.2D``) and a filter, of which only ``:native`` is known.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Self

from quake_stream.replay.requests import StationRequest
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

_STATION = re.compile(r"([A-Za-z0-9?*-]{1,8})_([A-Za-z0-9?*-]{1,8})|\*")
_SELECTOR = re.compile(r"(!?)([A-Za-z0-9?*_-]{1,40})(?:\.[23?*]([A-Z?*])?)?(?::native)?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector4:
    """Chooses streams of a station, or excludes them."""

    is_exclusion: bool
    pattern: str
    is_data: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one selector; raises ValueError where it is none."""
        found = _SELECTOR.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is no selector")
        exclusion, pattern, kind = found.groups()
        return cls(is_exclusion=bool(exclusion), pattern=pattern, is_data=kind in {None, "D", "?", "*"})

    def matches(self, source_id: SourceId) -> bool:
        """Whether the selector speaks of this stream."""
        codes = (source_id.location, source_id.band, source_id.source, source_id.subsource)
        return self.is_data and fnmatchcase("_".join(codes), self.pattern)


def parse_station(text: str) -> StationRequest:
    """Read ``NET_STA``, or ``*`` for all; raises ValueError where it is neither."""
    found = _STATION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no station")
    network, station = found[1] or "*", found[2] or "*"
    return StationRequest(
        network=network, station=station, has_wildcard=any(mark in network + station for mark in "?*")
    )


def parse_time(text: str) -> int:
    """Read ``2026-11-22T10:00:00.5Z`` as UTC nanoseconds; raises ValueError where that is no date."""
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not YYYY-MM-DDThh:mm:ss.fZ")
    moment = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    return int(moment.timestamp()) * NS_PER_S + int((found[2] or "").ljust(9, "0"))
