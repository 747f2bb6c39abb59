import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.replay.ring import Ring
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

A = SourceId.from_nslc("XX.AAA.00.HHZ")
B = SourceId.from_nslc("XX.BBB.00.HHZ")


def ring_of(*sources: SourceId, is_shared: bool = False, first_sequence: int = 1, max_bytes=1 << 20) -> Ring:
    ring = Ring(max_bytes=max_bytes, is_shared=is_shared, first_sequence=first_sequence)
    for second, source_id in enumerate(sources):
        ring.append(bytes(512), source_id, start_ns=second * NS_PER_S, end_ns=(second + 1) * NS_PER_S)
    return ring


def test_each_station_counts_for_itself():
    assert [entry.sequence for entry in ring_of(A, B, A)] == [1, 1, 2]


def test_a_shared_sequence_counts_all_stations():
    assert [entry.sequence for entry in ring_of(A, B, A, is_shared=True)] == [1, 2, 3]


def test_sequences_wrap_after_24_bits():
    assert [entry.sequence for entry in ring_of(A, A, first_sequence=0xFFFFFF)] == [0xFFFFFF, 0]


def test_a_packet_is_a_header_of_8_bytes_and_the_record():
    (entry,) = ring_of(A, first_sequence=0xAB)
    assert entry.packet == b"SL0000AB" + bytes(512)


def test_a_record_is_found_by_its_station_and_sequence():
    ring = ring_of(A, B, A)
    assert ring.find_sequence(("XX", "AAA"), 2) is ring[2]
    assert ring.find_sequence(("XX", "BBB"), 2) is None


def test_after_a_reset_the_newest_record_with_a_sequence_is_found():
    ring = ring_of(A, A)
    ring.reset_sequences()
    entry = ring.append(bytes(512), A, start_ns=0, end_ns=1)
    assert entry.sequence == 1
    assert ring.find_sequence(("XX", "AAA"), 1) is entry


def test_a_time_finds_the_first_wanted_record_that_ends_after_it():
    ring = ring_of(A, B, A, B)
    assert ring.find_time(NS_PER_S, lambda _: True) == 1
    assert ring.find_time(NS_PER_S, lambda source_id: source_id == A) == 2
    assert ring.find_time(99 * NS_PER_S, lambda _: True) == ring.next_serial


@given(ends=st.lists(st.integers(0, 20), max_size=30), time_ns=st.integers(-1, 21))
def test_a_time_is_found_whatever_the_order_of_ends(ends, time_ns):
    ring = Ring(max_bytes=10 * 812, is_shared=False, first_sequence=1)
    for end_ns in ends:
        ring.append(bytes(512), A if end_ns % 2 else B, start_ns=0, end_ns=end_ns)
    expected = [entry.serial for entry in ring if entry.end_ns > time_ns and entry.source_id == A]
    assert ring.find_time(time_ns, lambda source_id: source_id == A) == min(
        expected, default=ring.next_serial
    )


@given(sizes=st.lists(st.integers(128, 4096), min_size=1, max_size=60))
def test_the_oldest_go_and_what_is_held_stays_within_its_bound(sizes):
    ring = Ring(max_bytes=20_000, is_shared=False, first_sequence=1)
    for size in sizes:
        ring.append(bytes(size), A, start_ns=0, end_ns=1)
    held = list(ring)
    assert sum(len(entry.record) for entry in held) <= 20_000
    assert [entry.serial for entry in held] == list(range(len(sizes) - len(held), len(sizes)))
    assert ring.oldest_serial == held[0].serial
    for entry in held:
        assert ring.find_sequence(("XX", "AAA"), entry.sequence) is entry
    assert len(ring._serial_by_sequence) == len(held)


def test_what_is_gone_cannot_be_reached():
    ring = ring_of(A, A, A, max_bytes=1700)
    assert (ring.oldest_serial, ring.next_serial) == (1, 3)
    assert ring.find_sequence(("XX", "AAA"), 1) is None
    with pytest.raises(IndexError):
        ring[3]


def test_a_record_larger_than_the_ring_is_still_held_once():
    ring = Ring(max_bytes=100, is_shared=False, first_sequence=1)
    ring.append(bytes(512), A, start_ns=0, end_ns=1)
    ring.append(bytes(512), B, start_ns=0, end_ns=1)
    assert [entry.source_id for entry in ring] == [B]


def test_numbers_of_version_4_do_not_wrap_and_are_found_by_all_their_bits():
    ring = ring_of(A, A, first_sequence=0xFFFFFF)
    assert [entry.number for entry in ring] == [0xFFFFFF, 0x1000000]
    assert ring.find_number(("XX", "AAA"), 0x1000000) is ring[1]
    assert ring.find_number(("XX", "AAA"), 0) is None
