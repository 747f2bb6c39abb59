"""What a SeedLink server says of its stations and streams: XML in version 3, JSON in version 4."""

import re
from collections.abc import Iterator
from pathlib import Path

from fuzz.made import served
from quake_stream.ingest.seedlink.dialect import THREE
from quake_stream.ingest.seedlink.info import MAX_STARTED
from quake_stream.ingest.seedlink4.dialect import FOUR
from quake_stream.replay.info import info_packets, info_xml
from quake_stream.replay.info4 import info_json, info_packet

_CODE = re.compile(r"[A-Za-z0-9-]{1,8}")


def seeds() -> Iterator[bytes]:
    """Give the answers of the replay server, X and J in front."""
    ring, facts = served()
    for level in ("ID", "STATIONS", "STREAMS"):
        yield b"X" + (info_xml(level, facts, ring, ()) or "").encode()
        yield b"J" + (info_json(level, facts, ring, ()) or "").encode()
    yield b"X<station name='AAA' network='XX'/><station network=XX name=AAA>"


def check(data: bytes, _folder: Path) -> None:
    """Find legible codes only, however the text is broken."""
    dialect, pack = (FOUR, info_packet) if data[:1] == b"J" else (THREE, info_packets)
    inbox, info = dialect.inbox(), dialect.info()
    inbox.feed(pack(data[1:].decode("latin-1").encode("ascii", "replace").decode()))
    while (frame := inbox.frame()) is not None:
        info.add(frame)
    assert info.is_complete
    assert all(_CODE.fullmatch(code) for pair in dialect.stations(info.text) for code in pair)
    assert all(_CODE.fullmatch(offer.source_id.station) for offer in dialect.offers(info.text))
    assert len(dialect.started(info.text)) <= MAX_STARTED
