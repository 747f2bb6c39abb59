"""
What one SeedLink 3 client asks for: stations, selectors, positions.  Pure.

Selectors are ``LLCCC``, ``CCC`` or ``LL`` with ``?`` and ``*`` as wildcards, ``-`` for a blank, ``!`` in front
to exclude and a record type behind (``BHZ.D``), of which a replay has only data.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Protocol, Self

from quake_stream.replay.ring import SEQUENCE_MASK, Entry, Ring
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

_STATION = re.compile(r"[A-Za-z0-9?*-]{1,8}")
_SELECTOR = re.compile(r"(!?)([A-Za-z0-9?*-]{2})?([A-Za-z0-9?*]{3}|\*)?(?:\.([A-Z]))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Chooses channels of a station, or excludes them."""

    is_exclusion: bool
    location: str  # "--" is blank
    channel: str
    is_data: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one selector; raises ValueError where it is none."""
        found = _SELECTOR.fullmatch(text)
        if not found or not text.strip("!"):
            raise ValueError(f"{text!r} is no selector")
        exclusion, location, channel, kind = found.groups()
        return cls(
            is_exclusion=bool(exclusion),
            location=location or "*",
            channel=channel or "*",
            is_data=kind in {None, "D"},
        )

    def matches(self, source_id: SourceId) -> bool:
        """Whether the selector speaks of this stream."""
        location = source_id.location.ljust(2, "-")
        return (
            self.is_data
            and fnmatchcase(location, self.location)
            and fnmatchcase(source_id.channel, self.channel)
        )


class StreamSelector(Protocol):
    """Selector of any version."""

    @property
    def is_exclusion(self) -> bool:
        """Whether what it matches is left out."""
        ...

    def matches(self, source_id: SourceId) -> bool:
        """Whether the selector speaks of this stream."""
        ...


@dataclass(slots=True, kw_only=True)
class StationRequest:
    """
    One STATION command with its selectors and the part of the ring that is wanted of it.

    Records from ``start_serial`` on (None: from the next one) that end after ``begin_ns`` and start
    before ``end_ns``; the request is done when the first later one is seen.
    """

    network: str
    station: str
    has_wildcard: bool
    selectors: list[StreamSelector] = field(default_factory=list)
    start_serial: int | None = None
    begin_ns: int | None = None
    end_ns: int | None = None
    is_done: bool = False

    @classmethod
    def parse(cls, arguments: list[str]) -> Self:
        """Read ``STATION sta [net]``; raises ValueError where the codes are none."""
        if len(arguments) not in {1, 2} or not all(_STATION.fullmatch(code) for code in arguments):
            raise ValueError(f"{arguments!r} is no station and network code")
        network = arguments[1] if len(arguments) == 2 else "*"
        return cls(
            station=arguments[0],
            network=network,
            has_wildcard=any(mark in network + arguments[0] for mark in "?*"),
        )

    def matches_station(self, source_id: SourceId) -> bool:
        """Whether the stream is of this station."""
        if not self.has_wildcard:
            return (source_id.network, source_id.station) == (self.network, self.station)
        return fnmatchcase(source_id.network, self.network) and fnmatchcase(source_id.station, self.station)

    def matches(self, source_id: SourceId) -> bool:
        """Whether the stream is of this station and selected; no selector selects all."""
        if not self.matches_station(source_id):
            return False
        if any(s.matches(source_id) for s in self.selectors if s.is_exclusion):
            return False
        choices = [s for s in self.selectors if not s.is_exclusion]
        return not choices or any(s.matches(source_id) for s in choices)

    def wants(self, entry: Entry) -> bool:
        """Whether this record is to be sent; notes when the end of the window is reached."""
        if self.is_done or entry.serial < (self.start_serial or 0):
            return False
        if self.end_ns is not None and entry.start_ns >= self.end_ns:
            self.is_done = True
            return False
        return self.begin_ns is None or entry.end_ns > self.begin_ns

    def resume(self, ring: Ring, sequence: int, time_ns: int | None) -> None:
        """
        Start at a sequence, the one after the last that the client has.

        ``time_ns`` is the start of that last record; where it contradicts the ring, sequences were reset
        and the time decides.  A sequence that the ring does not know means all that is still held: rather
        twice than not at all.
        """
        last = ring.find_sequence((self.network, self.station), (sequence - 1) & SEQUENCE_MASK)
        if last is not None and (time_ns is None or last.start_ns // NS_PER_S == time_ns // NS_PER_S):
            self.start_serial = last.serial + 1
            return
        if time_ns is not None:
            self.start_serial = ring.find_time(time_ns, self.matches_station)
            return
        first = ring.find_sequence((self.network, self.station), sequence)
        self.start_serial = ring.oldest_serial if first is None else first.serial

    def start_at(self, ring: Ring, number: int) -> None:
        """
        Start at a number of SeedLink 4, or at the next that is held; a number in the future is the next record.

        That of the last record and its successor are found at once, others by looking through the ring.
        """
        who = (self.network, self.station)
        last = ring.find_number(who, number - 1)
        if last is not None:
            self.start_serial = last.serial + 1
            return
        self.start_serial = next(
            (e.serial for e in ring if e.number >= number and self.matches_station(e.source_id)),
            ring.next_serial,
        )

    def window(self, ring: Ring, begin_ns: int, end_ns: int | None) -> None:
        """Ask for a span of time, open at its end where that is None."""
        self.begin_ns, self.end_ns = begin_ns, end_ns
        self.start_serial = ring.find_time(begin_ns, self.matches_station)


def parse_sequence(text: str) -> int | None:
    """Read a sequence in hexadecimal, with or without ``0x``; -1 (None here) means the next record."""
    if text == "-1":
        return None
    digits = text[2:] if text[:2] in {"0x", "0X"} else text
    if not re.fullmatch(r"[0-9A-Fa-f]{1,8}", digits):
        raise ValueError(f"{text!r} is no sequence")
    return int(digits, 16) & SEQUENCE_MASK


def parse_time(text: str) -> int:
    """Read ``Y,M,D,h,m,s`` as UTC nanoseconds; raises ValueError where that is no date."""
    parts = text.split(",")
    if len(parts) != 6 or not all(re.fullmatch(r"[0-9]{1,4}", part) for part in parts):
        raise ValueError(f"{text!r} is not year,month,day,hour,minute,second")
    year, month, day, hour, minute, second = map(int, parts)
    moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    return int(moment.timestamp()) * NS_PER_S
