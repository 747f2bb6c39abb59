import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymseed import MS3Record

from quake_stream.counters import Counters
from quake_stream.mseed.archive import index
from quake_stream.mseed.header import peek
from quake_stream.replay.restamp import TICK_NS, crc32c, shift_record
from quake_stream.types import NS_PER_S

START_NS = 1_500_000_000 * NS_PER_S
shifts = st.integers(-40 * 365 * 86_400 * 10_000, 40 * 365 * 86_400 * 10_000).map(lambda n: n * TICK_NS)


@given(shift_ns=shifts, microsecond=st.integers(0, 999_999))
def test_a_version_2_record_moves_by_exactly_the_shift(shift_ns, microsecond):
    record = record_at(START_NS + microsecond * 1000, version=2)
    assert peek(record).start_ns == START_NS + microsecond * 1000
    assert peek(shift_record(record, shift_ns)).start_ns == START_NS + microsecond * 1000 + shift_ns


@given(shift_ns=shifts, nanosecond=st.integers(0, NS_PER_S - 1))
def test_a_version_3_record_moves_by_exactly_the_shift_and_its_checksum_holds(shift_ns, nanosecond):
    shifted = shift_record(record_at(START_NS + nanosecond, version=3), shift_ns)
    parsed = MS3Record.parse(shifted, unpack_data=True, validate_crc=True)
    assert parsed.starttime == START_NS + nanosecond + shift_ns
    assert parsed.np_datasamples.tolist() == [1, 2, 3]


def test_nothing_but_the_time_changes():
    record = record_at(START_NS, version=2)
    shifted = shift_record(record, 12_345 * NS_PER_S)
    assert shifted[:20] == record[:20]
    assert shifted[30:] == record[30:]
    assert shift_record(shifted, -12_345 * NS_PER_S) == record


def test_a_little_endian_header_stays_little_endian():
    record = bytearray(record_at(START_NS, version=2))
    year, day, hour, minute, second, tick = struct.unpack_from(">HHBBBxH", record, 20)
    struct.pack_into("<HHBBBxH", record, 20, year, day, hour, minute, second, tick)
    shifted = shift_record(bytes(record), 366 * 86_400 * NS_PER_S)
    assert struct.unpack_from("<H", shifted, 20) == (year + 1,)


def test_a_leap_second_counts_as_the_second_that_follows():
    record = bytearray(record_at(START_NS, version=2))
    struct.pack_into(">HHBBBxH", record, 20, 2016, 366, 23, 59, 60, 5000)
    shifted = shift_record(bytes(record), NS_PER_S)
    assert struct.unpack_from(">HHBBBxH", shifted, 20) == (2017, 1, 0, 0, 1, 5000)


def test_a_shift_that_the_header_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="multiple"):
        shift_record(record_at(START_NS, version=2), 50_000)


def test_the_checksum_is_the_published_one():
    # Check value of CRC-32C for the digits 1 to 9.
    assert crc32c(b"123456789") == 0xE3069283


@pytest.mark.shared
def test_records_of_all_kinds_move_by_exactly_the_shift(shared):
    shift_ns = 12_345 * 86_400 * NS_PER_S
    n_records = 0
    for record, header in index([shared / "miniseed_corpus"], counters=Counters()).iter_records():
        moved = peek(shift_record(record, shift_ns))
        assert (moved.start_ns, moved.codes) == (header.start_ns + shift_ns, header.codes)
        n_records += 1
    assert n_records > 4000


def record_at(start_ns: int, *, version: int) -> bytes:
    made = MS3Record()
    made.sourceid, made.starttime, made.samprate = "FDSN:XX_AAA_00_H_H_Z", start_ns, 100.0
    made.formatversion, made.reclen, made.encoding = version, 512, 11
    (record,) = made.generate([1, 2, 3], "i")
    return record
