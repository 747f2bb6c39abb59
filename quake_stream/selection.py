"""
Choose streams: patterns as operators write them.  Pure.

Three notations name the same thing, with ``?`` for one character and ``*`` for any number:

- NSLC: ``IU.ANMO.00.BH?``, ``CX.*..HH?`` (blank location: nothing or ``--``), ``IU.ANMO`` for all of it
- SeedLink: ``IU_ANMO:00BH?``, ``IU_ANMO:00BH? 10BH?``, ``IU_ANMO``
- FDSN source identifier: ``FDSN:IU_ANMO_00_B_H_?``
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from quake_stream.source_id import SourceId

_PART = re.compile(r"[A-Za-z0-9?*-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPattern:
    """Network, station, location and channel, each with wildcards; an empty location means blank."""

    network: str
    station: str
    location: str
    channel: str

    @property
    def has_station_wildcard(self) -> bool:
        """Whether network or station must be expanded against what a server offers."""
        return any(mark in self.network + self.station for mark in "?*")

    def matches_station(self, network: str, station: str) -> bool:
        """Whether the pattern may want streams of this station."""
        return fnmatchcase(network, self.network) and fnmatchcase(station, self.station)

    def matches(self, source_id: SourceId) -> bool:
        """Whether the pattern wants this stream."""
        return (
            self.matches_station(source_id.network, source_id.station)
            and fnmatchcase(source_id.location, self.location)
            and fnmatchcase(source_id.channel, self.channel)
        )

    def __str__(self) -> str:
        """NSLC notation."""
        return f"{self.network}.{self.station}.{self.location}.{self.channel}"


def parse_streams(text: str) -> tuple[StreamPattern, ...]:
    """
    Read one entry of a stream list in any of the three notations.

    SeedLink entries may hold several selectors, hence the tuple.

    Raises
    ------
    ValueError
        The text is in none of the notations; the message says what would be.
    """
    text = text.strip()
    if text.startswith("FDSN:"):
        patterns = [_from_fdsn(text)]
    elif "_" in text:
        patterns = _from_seedlink(text)
    else:
        patterns = [_from_nslc(text)]
    for pattern in patterns:
        parts = (pattern.network, pattern.station, pattern.location, pattern.channel.replace("_", ""))
        if not all(_PART.fullmatch(part) for part in parts) or not pattern.station:
            raise ValueError(_bad(text))
    return tuple(patterns)


def parse_list(texts: Iterable[str]) -> tuple[StreamPattern, ...]:
    """Read several entries; raises ValueError as `parse_streams` does."""
    return tuple(pattern for text in texts for pattern in parse_streams(text))


def wanted(source_id: SourceId, include: Iterable[StreamPattern], exclude: Iterable[StreamPattern]) -> bool:
    """Whether a stream is in ``include`` and not in ``exclude``."""
    return any(p.matches(source_id) for p in include) and not any(p.matches(source_id) for p in exclude)


def _bad(text: str) -> str:
    return (
        f"{text!r} names no stream: write NET.STA.LOC.CHA (IU.ANMO.00.BH?), "
        "NET_STA:LOCCHA (IU_ANMO:00BH?) or FDSN:NET_STA_LOC_B_S_SS"
    )


def _location(text: str) -> str:
    return "" if text in {"--", "  "} else text.strip()


def _from_nslc(text: str) -> StreamPattern:
    parts = text.split(".")
    if len(parts) == 2:
        parts += ["*", "*"]
    if len(parts) != 4:
        raise ValueError(_bad(text))
    return StreamPattern(
        network=parts[0], station=parts[1], location=_location(parts[2]), channel=parts[3] or "*"
    )


def _from_fdsn(text: str) -> StreamPattern:
    parts = text.removeprefix("FDSN:").split("_")
    if len(parts) != 6:
        raise ValueError(_bad(text))
    codes = parts[3:]
    channel = "".join(codes) if all(len(code) == 1 and code != "*" for code in codes) else "_".join(codes)
    if codes == ["*", "*", "*"]:
        channel = "*"
    return StreamPattern(network=parts[0], station=parts[1], location=_location(parts[2]), channel=channel)


def _from_seedlink(text: str) -> list[StreamPattern]:
    station, _, selectors = text.partition(":")
    network, _, name = station.partition("_")
    patterns = []
    # A blank location is two spaces in front of the channel, so only single spaces separate selectors.
    for word in re.split(r"(?<=\S) (?=\S)", selectors) if selectors.strip() else ["*"]:
        selector = word.removesuffix(".D")
        if selector == "*":
            location, channel = "*", "*"
        elif len(selector.strip()) == 3:
            location, channel = ("" if selector.startswith("  ") else "*"), selector.strip()
        elif len(selector) == 5:
            location, channel = _location(selector[:2]), selector[2:]
            location = "*" if location == "??" else location
        else:
            raise ValueError(_bad(text))
        patterns.append(StreamPattern(network=network, station=name, location=location, channel=channel))
    return patterns
