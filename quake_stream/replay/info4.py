"""
Answer INFO requests of SeedLink 4: JSON, in one packet; and write packets of that version.  Pure.

The names are those of the specification (https://docs.fdsn.org/projects/seedlink) and of ringserver.
"""

import json
import struct
from collections.abc import Iterable
from datetime import UTC, datetime

from quake_stream.replay.info import Peer, ServerFacts, holdings
from quake_stream.replay.ring import Ring
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

_HEADER = struct.Struct("<2s2sIQB")
_NO_SEQUENCE = 2**64 - 1  # of packets that are part of no stream
_LEVELS = ("ID", "FORMATS", "CAPABILITIES", "STATIONS", "STREAMS", "CONNECTIONS")


def packet4(number: int, station_id: str, payload: bytes, kind: bytes = b"") -> bytes:
    """Write one packet; without a ``kind`` (format and subformat) the payload is a miniSEED record."""
    kind = kind or (b"3D" if payload[:2] == b"MS" else b"2D")
    who = station_id.encode("ascii")
    return _HEADER.pack(b"SE", kind, len(payload), number, len(who)) + who + payload


def info_packet(text: str, *, is_error: bool = False) -> bytes:
    """Write the answer to INFO, or that there is none."""
    return packet4(_NO_SEQUENCE, "", text.encode("ascii", "replace"), b"JE" if is_error else b"JI")


def info_json(level: str, facts: ServerFacts, ring: Ring, peers: Iterable[Peer]) -> str | None:
    """Write the answer to ``INFO level``; None for a level that is not offered."""
    level = level.upper()
    if level not in _LEVELS:
        return None
    found: dict[str, object] = {
        "software": f"SeedLink v4.0 ({facts.software})",
        "organization": facts.organization,
    }
    if level == "ID":
        found["server_start"] = _time(facts.started_ns)
    elif level == "FORMATS":
        subformat = {"D": "Data"}
        found["format"] = {
            "2": {"mimetype": "application/vnd.fdsn.mseed", "subformat": subformat},
            "3": {"mimetype": "application/vnd.fdsn.mseed3", "subformat": subformat},
        }
    elif level == "CAPABILITIES":
        found["capability"] = ["SLPROTO:4.0", "SLPROTO:3.1", "TIME", *(["AUTH"] if facts.admitted else [])]
    elif level == "CONNECTIONS":
        found["connections"] = {"client": [_connection(peer) for peer in peers]}
    else:
        found["station"] = _stations(facts, ring, with_streams=level == "STREAMS")
    return json.dumps(found)


def _connection(peer: Peer) -> dict[str, object]:
    return {
        "host": peer.host,
        "client_port": str(peer.port),
        "connect_time": _time(peer.connected_ns),
        "transmit_packets": peer.n_records,
    }


def _stations(facts: ServerFacts, ring: Ring, *, with_streams: bool) -> list[dict[str, object]]:
    held = holdings(facts, ring)
    found: dict[tuple[str, str], dict[str, object]] = {}
    streams: dict[tuple[str, str], list[dict[str, str]]] = {}
    for source_id in sorted(held.spans, key=str):
        codes = source_id.network, source_id.station
        first, last = held.numbers.get(codes, (0, 0))
        station_id = "_".join(codes)
        found[codes] = {
            "id": station_id,
            "description": f"{station_id} replayed",
            "start_seq": first,
            "end_seq": last,
        }
        streams.setdefault(codes, []).append(_stream(source_id, *held.spans[source_id]))
    if with_streams:
        for codes, station in found.items():
            station["stream"] = streams[codes]
    return list(found.values())


def _stream(source_id: SourceId, begin_ns: int, end_ns: int) -> dict[str, str]:
    codes = (source_id.location, source_id.band, source_id.source, source_id.subsource)
    return {
        "id": "_".join(codes),
        "format": "2",
        "subformat": "D",
        "start_time": _time(begin_ns),
        "end_time": _time(end_ns),
    }


def _time(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns // NS_PER_S, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns % NS_PER_S // 1000:06d}Z"
