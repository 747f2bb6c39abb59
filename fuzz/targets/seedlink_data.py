"""What a SeedLink 3 server sends once data flow: packets, in pieces of any size."""

from collections.abc import Iterator
from pathlib import Path

from fuzz.made import records
from quake_stream.ingest.seedlink.framing import DesyncError, Frame, Inbox, Kind
from quake_stream.ingest.seedlink.info import InfoText
from quake_stream.ingest.seedlink.packet import RecordPacket
from quake_stream.mseed.record import RecordError
from quake_stream.replay.info import info_packets


def seeds() -> Iterator[bytes]:
    """Give streams of packets; the first byte says how they are cut."""
    packets = [b"SL%06X" % number + record for number, record in enumerate(records())]
    yield b"\0" + b"".join(packets[:4])
    yield b"\x07" + packets[0] + info_packets("<seedlink/>") + packets[1] + b"END"
    yield b"\xff" + packets[2] + b"ERROR\r\n"


def check(data: bytes, _folder: Path) -> None:
    """Give the same packets however the bytes were cut; raise nothing but DesyncError."""
    n_piece, stream = max(1, data[0] if data else 0), data[1:]
    whole = list(_frames([stream]))
    assert whole == list(_frames(stream[at : at + n_piece] for at in range(0, len(stream), n_piece)))
    info = InfoText()
    for frame in whole:
        if frame.kind is Kind.DATA:
            packet = RecordPacket(frame)
            assert 0 <= packet.get_sequence_number() < 2**24
            try:
                assert packet.header.length <= len(frame.record)
            except RecordError:
                continue
        elif frame.kind is Kind.INFO:
            info.add(frame)
    assert len(info.text) <= len(stream)


def _frames(pieces: Iterator[bytes] | list[bytes]) -> Iterator[Frame]:
    inbox = Inbox()
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
