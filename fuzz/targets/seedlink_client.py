"""What a client sends to the replay server."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fuzz.made import records
from quake_stream.counters import Counters
from quake_stream.mseed.header import peek
from quake_stream.replay.info import ServerFacts
from quake_stream.replay.ring import Ring
from quake_stream.replay.session import Session

_MAX_ANSWER = 2**20


def seeds() -> Iterator[bytes]:
    """Give conversations; the first byte says how they are cut."""
    yield b"\0HELLO\r\nCAT\rINFO STREAMS\rBATCH\rSTATION AAA XX\rSELECT 00BHZ.D\rDATA\rEND\r"
    yield b"\x05HELLO\rSTATION A?A X*\rSELECT !00BH?\rDATA 000001 2023,11,14,22,13,20\rEND\rBYE\r"
    yield b"\x50STATION AAA XX\rFETCH 0x1\rTIME 2023,11,14,22,13,20 2023,11,14,22,13,21\rEND\rINFO ALL\r"


def check(data: bytes, _folder: Path) -> None:
    """Answer, ignore or hang up; never raise, never answer without bounds."""
    ring, facts = _served()
    session = Session(facts, ring, Counters())
    n_piece, stream = max(1, data[0] if data else 0), data[1:]
    for at in range(0, len(stream), n_piece):
        session.receive(stream[at : at + n_piece])
        session.pull(is_finished=False)
        assert len(session.outgoing) < _MAX_ANSWER
    session.pull(is_finished=True)


@cache
def _served() -> tuple[Ring, ServerFacts]:
    """Make what the server has; no session changes it."""
    ring = Ring(max_bytes=2000, is_shared=True, first_sequence=1)
    streams = {}
    for record in records():
        header = peek(record)
        ring.append(record, header.source_id, start_ns=header.start_ns, end_ns=header.end_ns)
        streams[header.source_id] = header.start_ns
    facts = ServerFacts(
        software="fuzz",
        organization="nobody",
        started_ns=0,
        has_wildcards=True,
        streams=streams,
        stations=frozenset((source.network, source.station) for source in streams),
    )
    return ring, facts
