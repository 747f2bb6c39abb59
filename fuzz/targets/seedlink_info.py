"""The XML with which a SeedLink server says what stations it has."""

import re
from collections.abc import Iterator
from pathlib import Path

from quake_stream.ingest.seedlink.framing import Inbox
from quake_stream.ingest.seedlink.info import InfoText, server_started, stations
from quake_stream.replay.info import ServerFacts, info_packets, info_xml
from quake_stream.replay.ring import Ring
from quake_stream.types import SourceId

_CODE = re.compile(r"[A-Za-z0-9-]{1,8}")


def seeds() -> Iterator[bytes]:
    """Give the answers of the replay server."""
    streams = {SourceId.from_nslc(f"XX.{name}.00.HHZ"): 0 for name in ("AAA", "BBB")}
    facts = ServerFacts(
        software="fuzz",
        organization="nobody",
        started_ns=0,
        has_wildcards=True,
        streams=streams,
        stations=frozenset(("XX", source.station) for source in streams),
    )
    ring = Ring(max_bytes=1000, is_shared=True, first_sequence=1)
    for level in ("id", "stations", "streams"):
        yield (info_xml(level, facts, ring, ()) or "").encode()
    yield b"<station name='AAA' network='XX'/><station network=XX name=AAA>"


def check(data: bytes, _folder: Path) -> None:
    """Find legible codes only, and no more than there are tags."""
    found = list(stations(_joined(data)))
    assert all(_CODE.fullmatch(code) for pair in found for code in pair)
    assert len(found) <= data.count(b"<station")
    assert len(server_started(_joined(data))) <= len(data)


def _joined(data: bytes) -> str:
    """Cut the text into packets, as a server does, and put it together, as we do."""
    inbox, text = Inbox(), InfoText()
    inbox.feed(info_packets(data.decode("latin-1")))
    while (frame := inbox.frame()) is not None:
        text.add(frame)
    assert text.is_complete
    return text.text
