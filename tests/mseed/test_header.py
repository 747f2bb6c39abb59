import contextlib
import struct

import numpy as np
import pymseed
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.counters import Counters
from quake_stream.mseed.header import peek, record_length
from quake_stream.mseed.record import MAX_RECORD_BYTES, RecordError, Refusal, time_ns
from quake_stream.mseed.scan import records_in
from quake_stream.source_id import SourceId

# 2024-02-03 05:14:28.5
START_NS = time_ns(2024, 34, 5, 14, 28) + 500_000_000


def refusal(function, *args):
    with pytest.raises(RecordError) as refused:
        function(*args)
    return refused.value.reason


@pytest.mark.parametrize("order", [">", "<"])
def test_version_2_is_read_in_both_byte_orders(make_v2, order):
    header = peek(make_v2(order=order))
    assert (header.version, header.length, header.n_samples) == (2, 512, 3)
    assert header.source_id == SourceId.from_nslc("IU.ANMO.00.BHZ")
    assert header.station == "IU.ANMO"
    assert (header.start_ns, header.sample_rate_hz) == (START_NS, 100.0)
    assert header.end_ns == START_NS + 30_000_000
    assert (header.encoding, header.data_offset) == (3, 128)
    assert header.is_data_big_endian == (order == ">")
    assert not header.is_leap_second


def test_version_3_is_read(pack):
    samples = np.arange(50, dtype=np.int32)
    (record,) = pack(samples, encoding=11, version=3, start_ns=START_NS + 7, rate_hz=31.25)
    header = peek(record)
    assert (header.version, header.length, header.n_samples) == (3, len(record), 50)
    assert header.source_id == SourceId.from_nslc("IU.ANMO.00.BHZ")
    assert (header.start_ns, header.sample_rate_hz, header.encoding) == (START_NS + 7, 31.25, 11)


def test_a_record_is_read_from_the_middle_of_a_buffer(make_v2):
    buffer = b"junk" + make_v2() + make_v2(codes=b"COLA   LHZIU")
    assert peek(memoryview(buffer), 516).source_id == SourceId.from_nslc("IU.COLA..LHZ")
    assert record_length(bytearray(buffer), 4) == 512


@pytest.mark.parametrize(
    ("rate", "rate_hz"),
    [((100, 1), 100), ((100, -8), 12.5), ((-10, 1), 0.1), ((-4, -25), 0.01), ((0, 1), 0), ((5, 0), 0)],
)
def test_negative_rate_factors_divide(make_v2, rate, rate_hz):
    assert peek(make_v2(rate=rate)).sample_rate_hz == pytest.approx(rate_hz, rel=1e-15)


def test_blockette_100_overrides_the_rate_and_1001_adds_microseconds(make_v2):
    rate = struct.pack(">f4x", 99.998)
    for microseconds, unsigned in ((-50, 206), (49, 49)):
        blockettes = [
            (100, rate),
            (1001, bytes([87, unsigned, 0, 7])),
            (1000, bytes([3, 1, 9, 0])),
        ]
        header = peek(make_v2(blockettes=blockettes))
        assert header.sample_rate_hz == pytest.approx(99.998, rel=1e-7)
        assert header.start_ns == START_NS + microseconds * 1000
        assert header.timing_quality == 87


def test_a_time_correction_counts_only_where_it_is_not_applied_yet(make_v2):
    assert peek(make_v2(correction=-15)).start_ns == START_NS - 1_500_000
    assert peek(make_v2(correction=-15, flags=(0x02, 0, 0))).start_ns == START_NS


def test_clock_flags_are_read(make_v2):
    header = peek(make_v2(flags=(0, 0x20, 0x80)))
    assert header.is_clock_locked
    assert header.is_time_questionable
    assert not peek(make_v2()).is_clock_locked


@pytest.mark.fault(18)
def test_a_leap_second_is_told_and_counts_as_the_second_after_it(make_v2):
    header = peek(make_v2(start=(2016, 366, 23, 59, 60, 5000)))
    assert header.is_leap_second
    assert header.start_ns == time_ns(2017, 1, 0, 0, 0) + 500_000_000


def test_a_fraction_rounded_up_to_a_whole_second_is_one(make_v2):
    assert peek(make_v2(start=(2024, 34, 5, 14, 27, 10_000))).start_ns == START_NS - 500_000_000


@pytest.mark.parametrize("length", [128, 256, 512, 4096, 65_536])
@pytest.mark.parametrize("order", [">", "<"])
def test_the_length_of_a_stream_record_is_known_as_soon_as_its_header_is_there(make_v2, length, order):
    record = make_v2(length=length, data_offset=64, order=order)
    answers = [record_length(record[:n]) for n in range(129)]
    known = answers.index(length)
    assert known == 56
    assert set(answers[:known]) == {None}
    assert set(answers[known:]) == {length}


def test_the_length_of_a_version_3_record_is_known_after_40_bytes_and_its_codes(pack):
    (record,) = pack(np.arange(50, dtype=np.int32), encoding=3, version=3)
    assert record_length(record[:39]) is None
    assert record_length(record[:80]) == len(record)


@pytest.mark.parametrize("start", [b"SLINFO  ", b"000001V ", b"00000ADD", b"\0" * 8, b"<html>  "])
def test_other_bytes_are_no_record(start):
    assert refusal(record_length, start + bytes(600)) is Refusal.NOT_MINISEED
    assert refusal(peek, start + bytes(600)) is Refusal.NOT_MINISEED


def test_the_length_does_not_depend_on_a_sane_date(make_v2):
    for order in "><":
        record = make_v2(start=(65_535, 400, 99, 99, 99, 65_535), order=order)
        assert record_length(record) == 512
        with pytest.raises(RecordError) as refused:
            peek(record)
        assert refused.value.reason is Refusal.BAD_TIME
        assert refused.value.station == "IU.ANMO"


def test_without_blockette_1000_the_next_record_or_the_end_tells_the_length(make_v2):
    record = make_v2(blockettes=(), length=1024)
    assert refusal(record_length, record) is Refusal.UNKNOWN_LENGTH
    assert peek(record).length == 1024
    assert peek(record + make_v2() + b"tail").length == 1024
    assert peek(record).encoding is None
    assert refusal(peek, record[:1000]) is Refusal.UNKNOWN_LENGTH


@pytest.mark.fault(3)
@pytest.mark.parametrize("exponent", [0, 6, 17, 31, 236])
def test_an_absurd_record_length_is_refused(make_v2, exponent):
    record = make_v2(blockettes=[(1000, bytes([3, 1, exponent, 0]))])
    assert refusal(record_length, record) is Refusal.BAD_HEADER
    assert refusal(peek, record) is Refusal.BAD_HEADER


def test_a_version_3_record_above_64_kib_is_refused(pack):
    record = bytearray(pack(np.arange(50, dtype=np.int32), encoding=3, version=3)[0])
    record[36:40] = struct.pack("<I", MAX_RECORD_BYTES)
    assert refusal(record_length, record) is Refusal.BAD_HEADER


@pytest.mark.parametrize("link", [4, 48, 51, 65_530])
def test_a_chain_of_blockettes_that_leads_nowhere_is_refused(make_v2, link):
    record = bytearray(make_v2(blockettes=[(1001, bytes(4)), (1000, bytes([3, 1, 9, 0]))]))
    record[50:52] = struct.pack(">H", link)
    assert refusal(peek, record) is Refusal.BAD_HEADER


def test_blockettes_beyond_the_end_of_their_record_are_refused(make_v2):
    first = bytearray(make_v2(length=128, data_offset=64, blockettes=[(1001, bytes(4)), (1000, bytes(4))]))
    first[50:52] = struct.pack(">H", 200)
    for kind in (1000, 1001):
        second = bytearray(make_v2())
        second[200 - 128 : 208 - 128] = struct.pack(">HHBBBx", kind, 0, 3, 1, 7)
        assert refusal(peek, first + second) is Refusal.BAD_HEADER


@pytest.mark.parametrize("data_offset", [0, 47, 512, 600])
def test_samples_that_start_outside_their_record_are_refused(make_v2, data_offset):
    record = bytearray(make_v2())
    record[44:46] = struct.pack(">H", data_offset)
    assert refusal(peek, record) is Refusal.BAD_HEADER


def test_codes_that_are_illegible_are_refused_when_asked_for(make_v2):
    header = peek(make_v2(codes=b"\xffNMO 00BHZIU"))
    with pytest.raises(RecordError) as refused:
        _ = header.source_id
    assert refused.value.reason is Refusal.BAD_CODES
    assert header.station == ""


@given(data=st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(data):
    for buffer in (data, b"000001D " + data, b"MS\x03" + data):
        for read in (peek, record_length):
            with contextlib.suppress(RecordError):
                read(buffer)


@given(changes=st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), max_size=8))
def test_no_damage_to_a_header_raises_anything_but_a_refusal(make_v2, pack, changes):
    for record in (make_v2(), pack(np.arange(9, dtype=np.int32), encoding=11, version=3)[0]):
        damaged = bytearray(record)
        for at, value in changes:
            damaged[at] = value
        for read in (peek, record_length):
            with contextlib.suppress(RecordError):
                read(damaged)


@pytest.mark.shared
def test_headers_agree_with_libmseed_on_all_recordings(shared):
    n_compared = 0
    for path in sorted((shared / "miniseed_corpus").glob("*/*")):
        buffer = path.read_bytes()
        for offset, header in records_in(buffer, counters=Counters()):
            # Two kinds that libmseed refuses: see `decode`.
            if header.encoding is None or path.name == "microsecond_wrap.mseed":
                continue
            theirs = pymseed.MS3Record.parse(buffer[offset : offset + header.length])
            assert (header.length, header.start_ns, header.n_samples, header.encoding) == (
                theirs.reclen,
                theirs.starttime,
                theirs.samplecnt,
                theirs.encoding,
            ), path
            assert header.sample_rate_hz == pytest.approx(theirs.samprate, rel=1e-12), path
            if header.station:
                assert str(header.source_id) == theirs.sourceid, path
            n_compared += 1
    assert n_compared > 4900
