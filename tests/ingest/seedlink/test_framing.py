"""Cutting bytes into lines and packets."""

import pytest
from fake_seedlink import info, packet, record, record_v3
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.ingest.seedlink.framing import DesyncError, Inbox, Kind, StuckRecord

BODIES = [record(length=n) for n in (128, 256, 512, 1024, 4096)] + [
    record_v3(),
    record_v3(n=0),
    record(blockette_1000=False),
]


def frames(inbox: Inbox) -> list[bytes]:
    found = []
    while (frame := inbox.frame()) is not None:
        found.append(frame.head + frame.record)
    return found


@pytest.mark.fault(1)
@given(st.lists(st.sampled_from(BODIES), max_size=6), st.lists(st.integers(1, 700), min_size=1, max_size=30))
def test_packets_of_any_length_are_found_however_they_are_split(bodies: list[bytes], cuts: list[int]) -> None:
    packets = [packet(i, body) for i, body in enumerate(bodies)]
    stream = b"".join(packets)
    inbox, found, at, i = Inbox(), [], 0, 0
    while at < len(stream):
        step = cuts[i % len(cuts)]
        inbox.feed(stream[at : at + step])
        found += frames(inbox)
        at, i = at + step, i + 1
    assert found == packets


@pytest.mark.fault(1)
@pytest.mark.parametrize("body", BODIES, ids=len)
def test_a_packet_that_breaks_off_at_any_byte_is_waited_for(body: bytes) -> None:
    whole = packet(0xABCDEF, body)
    for cut in range(len(whole)):
        inbox = Inbox()
        inbox.feed(whole[:cut])
        assert inbox.frame() is None
        inbox.feed(whole[cut:])
        assert frames(inbox) == [whole]


def test_d07_one_long_record_does_not_spoil_those_after_it() -> None:
    inbox = Inbox()
    inbox.feed(packet(1, record()) + packet(2, record(length=4096)) + packet(3, record()))
    sequences = [inbox.frame().sequence for _ in range(3)]  # type: ignore[union-attr]  # they are all there
    assert sequences == [1, 2, 3]
    assert inbox.frame() is None


def test_kinds_are_told_apart() -> None:
    inbox = Inbox()
    inbox.feed(info("x" * 500) + packet(0xABCDEF, record()) + b"END")
    kinds = [inbox.frame().kind for _ in range(4)]  # type: ignore[union-attr]  # they are all there
    assert kinds == [Kind.INFO, Kind.INFO, Kind.DATA, Kind.END]


@pytest.mark.parametrize("start", [b"", b"S", b"SL", b"SL0000", b"E", b"EN", b"ER", b"ERRO"])
def test_what_may_become_a_packet_is_waited_for(start: bytes) -> None:
    inbox = Inbox()
    inbox.feed(start)
    assert inbox.frame() is None


@pytest.mark.parametrize(
    "data",
    [b"\0", b"SX", b"EX", b"SL+00001", b"SL 00001", b"SL0x0001", b"OK\r\n", b"<html>", b"\x16\x03\x01"],
)
def test_what_is_no_packet_is_a_desync(data: bytes) -> None:
    inbox = Inbox()
    inbox.feed(data + record())
    with pytest.raises(DesyncError) as caught:
        inbox.frame()
    assert caught.value.sequence is None


@pytest.mark.fault(3)
@pytest.mark.parametrize("power", [0, 6, 17, 30, 255])
def test_a_length_outside_128_bytes_to_64_kilobytes_is_a_desync_that_names_its_number(power: int) -> None:
    body = bytearray(record())
    body[54] = power
    inbox = Inbox()
    inbox.feed(packet(0xBEEF, bytes(body)))
    with pytest.raises(DesyncError) as caught:
        inbox.frame()
    assert caught.value.sequence == 0xBEEF


@given(st.binary(max_size=3000))
def test_no_bytes_at_all_raise_anything_but_a_desync(data: bytes) -> None:
    for start in (b"", b"SL000001", b"SL000001" + record()[:64]):
        inbox = Inbox()
        inbox.feed(start + data)
        try:
            while inbox.frame() not in {None, (Kind.END, b"", b""), (Kind.ERROR, b"", b"")}:
                pass
        except DesyncError:
            pass


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20))
def test_d19_lines_are_found_however_they_are_split(cuts: list[int]) -> None:
    stream = b"SeedLink v3.1 (x)\r\nsite\r\nOK\r\n\r\nERROR\nOK\r\n"
    inbox, found, at = Inbox(), [], 0
    for i in range(len(stream)):
        step = cuts[i % len(cuts)]
        inbox.feed(stream[at : at + step])
        at += step
        while (line := inbox.line()) is not None:
            found.append(line)
    assert found == [b"SeedLink v3.1 (x)", b"site", b"OK", b"ERROR", b"OK"]


def test_packets_may_follow_the_last_line_in_the_same_segment() -> None:
    inbox = Inbox()
    inbox.feed(b"OK\r\n" + packet(1, record()))
    assert inbox.line() == b"OK"
    assert inbox.frame() is not None


def test_a_line_without_end_is_given_up() -> None:
    inbox = Inbox()
    inbox.feed(b"x" * 4097)
    with pytest.raises(DesyncError):
        inbox.line()


def test_the_third_desync_at_one_number_is_stuck_and_others_start_anew() -> None:
    stuck = StuckRecord()
    assert [stuck.is_stuck(n) for n in (1, 1, 2, 2, 2, 2, 2, 2)] == [False] * 4 + [True, False, False, True]
