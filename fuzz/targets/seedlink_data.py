"""What a SeedLink server sends once data flow, in version 3 or 4: packets, in pieces of any size."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from fuzz.made import records
from quake_stream.ingest.seedlink.dialect import THREE, Dialect
from quake_stream.ingest.seedlink.framing import DesyncError, Frame, Kind
from quake_stream.ingest.seedlink.packet import RecordPacket
from quake_stream.ingest.seedlink4.dialect import FOUR
from quake_stream.mseed.record import RecordError
from quake_stream.replay.info import info_packets
from quake_stream.replay.info4 import info_packet, packet4


def seeds() -> Iterator[bytes]:
    """Give streams of packets; the first byte says how they are cut, its highest bit that they are version 4."""
    packets = [b"SL%06X" % number + record for number, record in enumerate(records())]
    yield b"\0" + b"".join(packets[:4])
    yield b"\x07" + packets[0] + info_packets("<seedlink/>") + packets[1] + b"END"
    yield b"\x7f" + packets[2] + b"ERROR\r\n"
    packets = [packet4(number, "XX_AAA", record) for number, record in enumerate(records())]
    yield b"\x80" + b"".join(packets[:3])
    yield b"\x87" + packets[0] + info_packet("{}") + packets[7] + info_packet("no", is_error=True)


def check(data: bytes, _folder: Path) -> None:
    """Give the same packets however the bytes were cut; raise nothing but DesyncError."""
    first, stream = int.from_bytes(data[:1]), data[1:]
    dialect, n_piece = FOUR if first & 0x80 else THREE, max(1, first & 0x7F)
    whole = list(_frames(dialect, [stream]))
    pieces = (stream[at : at + n_piece] for at in range(0, len(stream), n_piece))
    assert whole == list(_frames(dialect, pieces))
    info = dialect.info()
    for frame in whole:
        if frame.kind is Kind.DATA:
            packet = RecordPacket(frame)
            assert 0 <= packet.get_sequence_number() < 2**64
            with contextlib.suppress(RecordError):  # a header that states more than came is refused later
                assert packet.header.length > 0
        elif frame.kind is Kind.INFO:
            info.add(frame)
    assert len(info.text) <= len(stream)


def _frames(dialect: Dialect, pieces: Iterable[bytes]) -> Iterator[Frame]:
    inbox = dialect.inbox()
    for piece in pieces:
        inbox.feed(piece)
        while True:
            try:
                frame = inbox.frame()
            except DesyncError:
                return
            if frame is None:
                break
            yield frame
            if frame.kind in {Kind.END, Kind.ERROR}:
                return
