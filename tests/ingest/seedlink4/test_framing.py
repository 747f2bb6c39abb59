"""Packets of SeedLink 4, however they come."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.ingest.seedlink.framing import DesyncError, Kind
from quake_stream.ingest.seedlink4.framing import Inbox4


def packet(sequence: int, payload: bytes, kind: bytes = b"2D", station: bytes = b"XX_AAA") -> bytes:
    return struct.pack("<2s2sIQB", b"SE", kind, len(payload), sequence, len(station)) + station + payload


def frames(data: bytes, cuts: list[int]) -> list[tuple]:
    inbox, found, start = Inbox4(), [], 0
    for end in [*sorted(cuts), len(data)]:
        inbox.feed(data[start:end])
        start = max(start, end)
        while frame := inbox.frame():
            found.append((frame.kind, frame.sequence if frame.head else None, frame.record))
            if frame.kind is Kind.END:
                return found
    return found


@given(st.lists(st.integers(0, 90), max_size=8))
def test_packets_are_the_same_however_the_bytes_were_split(cuts: list[int]) -> None:
    data = packet(2**40, b"first") + packet(2**64 - 1, b"", station=b"") + packet(0, b"{}", b"JI") + b"END"
    assert frames(data, cuts) == [
        (Kind.DATA, 2**40, b"first"),
        (Kind.DATA, 2**64 - 1, b""),
        (Kind.INFO, 0, b"{}"),
        (Kind.END, None, b""),
    ]


def test_an_error_comes_as_a_line_or_as_json() -> None:
    inbox = Inbox4()
    inbox.feed(packet(0, b'{"message": "no"}', b"JE") + b"ERROR AUTH no\r\n")
    first = inbox.frame()
    assert first is not None
    assert (first.kind, first.record) == (Kind.ERROR, b'{"message": "no"}')
    second = inbox.frame()
    assert second is not None
    assert (second.kind, inbox.line()) == (Kind.ERROR, b"ERROR AUTH no")


def test_an_answer_to_info_is_one_packet() -> None:
    inbox = Inbox4()
    inbox.feed(packet(0, b"{}", b"JI"))
    frame = inbox.frame()
    assert frame is not None
    assert frame.is_last


@pytest.mark.parametrize(
    "data",
    [
        b"SL000001" + bytes(512),
        b"XX",
        packet(7, b"", station=b"X" * 22),
        packet(7, b"", kind=b"\xff\xffD"[:2]),
        struct.pack("<2s2sIQB", b"SE", b"2D", 2**32 - 1, 7, 0),
    ],
    ids=["version 3", "nothing", "long station", "no letter", "4 GiB"],
)
def test_what_is_no_packet_is_said_so(data: bytes) -> None:
    inbox = Inbox4()
    inbox.feed(data)
    with pytest.raises(DesyncError) as caught:
        inbox.frame()
    assert caught.value.sequence in {None, 7}


@given(st.binary(max_size=60))
def test_no_bytes_do_anything_else_than_wait_deliver_or_desync(data: bytes) -> None:
    inbox = Inbox4()
    inbox.feed(b"SE" + data)
    try:
        while (frame := inbox.frame()) is not None and frame.kind is not Kind.END:
            pass
    except DesyncError:
        pass
