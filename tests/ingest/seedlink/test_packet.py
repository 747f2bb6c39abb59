"""Data packets in ObsPy's clothes."""

import pytest
from fake_seedlink import START_NS, packet, record, record_v3
from obspy.clients.seedlink.slpacket import SLPacket

from quake_stream.ingest.seedlink.framing import Inbox
from quake_stream.ingest.seedlink.packet import RecordPacket
from quake_stream.mseed.record import RecordError


def made(body: bytes) -> RecordPacket:
    inbox = Inbox()
    inbox.feed(packet(0xABC, body))
    frame = inbox.frame()
    assert frame is not None
    return RecordPacket(frame)


@pytest.mark.parametrize("length", [128, 256, 512, 4096])
def test_obspy_decodes_records_of_any_length(length: int) -> None:
    trace = made(record(length=length)).get_trace()
    assert trace.id == "XX.AAA..HHZ"
    assert trace.data.tolist() == list(range(10))


def test_d08_the_header_is_read_without_decoding() -> None:
    got = made(record())
    assert got.header.start_ns == START_NS
    assert got.header.source_id.nslc == "XX.AAA..HHZ"
    assert got.trace is None
    assert isinstance(got, SLPacket)
    assert got.get_sequence_number() == 0xABC


def test_version_3_records_have_a_header_too() -> None:
    assert made(record_v3()).header.source_id.nslc == "XX.AAA..HHZ"


def test_a_bad_header_says_so_each_time_it_is_asked_for() -> None:
    body = bytearray(record())
    body[24] = 99
    got = made(bytes(body))
    for _ in range(2):
        with pytest.raises(RecordError):
            _ = got.header
