"""
Answer INFO requests: the XML, cut into the miniSEED text records of SeedLink 3.  Pure.

The attributes are those that SeisComP's server and ringserver have in common.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from quake_stream.replay.ring import SEQUENCE_MASK, Ring
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

_RECORD_BYTES = 512
_TEXT_OFFSET = 56
_TEXT_BYTES = _RECORD_BYTES - _TEXT_OFFSET
_LEVELS = ("id", "capabilities", "stations", "streams", "connections")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """
    What the server says about itself.

    ``streams`` are all that the recording holds, each with its (moved) first start: clients expand their
    wildcards by them before anything was sent.
    """

    software: str
    organization: str
    started_ns: int
    has_wildcards: bool
    streams: Mapping[SourceId, int]
    stations: frozenset[tuple[str, str]]  # network and station code
    admitted: frozenset[str] = frozenset()  # what AUTH must be followed by; empty where all are admitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One connected client."""

    host: str
    port: int
    connected_ns: int
    n_records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """First start and last end (UTC ns) of each stream, first and last sequence of each station (64 bits)."""

    spans: Mapping[SourceId, tuple[int, int]]
    numbers: Mapping[tuple[str, str], tuple[int, int]]


def info_xml(level: str, facts: ServerFacts, ring: Ring, peers: Iterable[Peer]) -> str | None:
    """Write the answer to ``INFO level``; None for a level that is not offered."""
    level = level.lower()
    if level not in _LEVELS:
        return None
    root = Element(
        "seedlink",
        software=f"SeedLink v3.1 ({facts.software})",
        organization=facts.organization,
        started=_time(facts.started_ns),
    )
    if level == "capabilities":
        names = ("dialup", "multistation", "window-extraction", *(f"info:{name}" for name in _LEVELS))
        for name in names:
            SubElement(root, "capability", name=name)
    elif level == "connections":
        for peer in peers:
            SubElement(
                root,
                "connection",
                host=peer.host,
                port=str(peer.port),
                ctime=_time(peer.connected_ns),
                txcount=str(peer.n_records),
            )
    elif level != "id":
        _add_stations(root, facts, ring, with_streams=level == "streams")
    return tostring(root, encoding="unicode")


def info_packets(text: str, *, is_error: bool = False) -> bytes:
    """Cut the text into SLINFO packets of 8 + 512 bytes; the header of the last one ends in a blank."""
    data = text.encode("ascii", "replace")
    pieces = [data[at : at + _TEXT_BYTES] for at in range(0, len(data), _TEXT_BYTES)] or [b""]
    packets = [b"SLINFO *" + _text_record(piece, is_error=is_error) for piece in pieces[:-1]]
    return b"".join([*packets, b"SLINFO  " + _text_record(pieces[-1], is_error=is_error)])


def holdings(facts: ServerFacts, ring: Ring) -> Holdings:
    """Survey the ring; streams of which nothing was sent yet begin and end at their first start."""
    spans = {source_id: (start_ns, start_ns) for source_id, start_ns in facts.streams.items()}
    numbers: dict[tuple[str, str], tuple[int, int]] = {}
    sent: set[SourceId] = set()
    for entry in ring:
        source_id, station = entry.source_id, (entry.source_id.network, entry.source_id.station)
        begin_ns = spans[source_id][0] if source_id in sent else entry.start_ns
        end_ns = max(spans[source_id][1], entry.end_ns) if source_id in sent else entry.end_ns
        sent.add(source_id)
        spans[source_id] = begin_ns, end_ns
        numbers[station] = numbers.get(station, (entry.number,))[0], entry.number
    return Holdings(spans=spans, numbers=numbers)


def _add_stations(root: Element, facts: ServerFacts, ring: Ring, *, with_streams: bool) -> None:
    held = holdings(facts, ring)
    elements: dict[tuple[str, str], Element] = {}
    for source_id, (begin_ns, end_ns) in sorted(held.spans.items(), key=lambda item: str(item[0])):
        station = source_id.network, source_id.station
        if station not in elements:
            first, last = held.numbers.get(station, (0, 0))
            elements[station] = SubElement(
                root,
                "station",
                name=source_id.station,
                network=source_id.network,
                description=f"{source_id.network}.{source_id.station} replayed",
                begin_seq=f"{first & SEQUENCE_MASK:06X}",
                end_seq=f"{last & SEQUENCE_MASK:06X}",
                stream_check="enabled",
            )
        if with_streams:
            SubElement(
                elements[station],
                "stream",
                location=source_id.location,
                seedname=source_id.channel,
                type="D",
                begin_time=_time(begin_ns),
                end_time=_time(end_ns),
            )


def _text_record(text: bytes, *, is_error: bool) -> bytes:
    """One miniSEED 2 record that holds text: a log record of the stream ``INF`` or ``ERR``."""
    header = struct.pack(
        ">6sss5s2s3s2sHHBBBxHHhhBBBBlHH",
        *(b"000000", b"D", b" ", b"INFO ", b"  ", b"ERR" if is_error else b"INF", b"SL"),
        *(1970, 1, 0, 0, 0, 0),
        *(len(text), 0, 0),
        *(0, 0, 0, 1, 0, _TEXT_OFFSET, 48),
    )
    blockette_1000 = struct.pack(">HHBBBx", 1000, 0, 0, 1, _RECORD_BYTES.bit_length() - 1)
    return (header + blockette_1000 + text).ljust(_RECORD_BYTES, b"\0")


def _time(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns // NS_PER_S, UTC)
    return f"{moment:%Y/%m/%d %H:%M:%S}.{time_ns % NS_PER_S // 100_000:04d}"
