"""What a client sends to the replay server."""

from collections.abc import Iterator
from pathlib import Path

from fuzz.made import served
from quake_stream.counters import Counters
from quake_stream.replay.session import Session

_MAX_ANSWER = 2**20


def seeds() -> Iterator[bytes]:
    """Give conversations; the first byte says how they are cut."""
    yield b"\0HELLO\r\nCAT\rINFO STREAMS\rBATCH\rSTATION AAA XX\rSELECT 00BHZ.D\rDATA\rEND\r"
    yield b"\x05HELLO\rSTATION A?A X*\rSELECT !00BH?\rDATA 000001 2023,11,14,22,13,20\rEND\rBYE\r"
    yield b"\x50STATION AAA XX\rFETCH 0x1\rTIME 2023,11,14,22,13,20 2023,11,14,22,13,21\rEND\rINFO ALL\r"
    yield b"\0SLPROTO 4.0\rUSERAGENT x\rINFO STREAMS\rSTATION XX_AAA\rSELECT 00_B_H_Z\rDATA 1\rEND\r"
    yield b"\x09SLPROTO 4.0\rAUTH JWT x\rSTATION X?_*\rDATA ALL 2023-11-14T22:13:20Z\rENDFETCH\rINFO ALL\r"


def check(data: bytes, _folder: Path) -> None:
    """Answer, ignore or hang up; never raise, never answer without bounds."""
    ring, facts = served()
    session = Session(facts, ring, Counters())
    n_piece, stream = max(1, data[0] if data else 0), data[1:]
    for at in range(0, len(stream), n_piece):
        session.receive(stream[at : at + n_piece])
        session.pull(is_finished=False)
        assert len(session.outgoing) < _MAX_ANSWER
    session.pull(is_finished=True)
