import numpy as np
import pytest
from pymseed import DataEncoding, MS3Record

from quake_stream.mseed.header import peek
from quake_stream.mseed.record import RecordError
from quake_stream.replay.repack import repack
from quake_stream.types import NS_PER_S

START_NS = 1_500_000_000 * NS_PER_S


def record_of(samples: np.ndarray, encoding: int, *, version: int = 2, length: int = 4096) -> bytes:
    made = MS3Record()
    made.sourceid, made.starttime, made.samprate = "FDSN:XX_AAA_00_H_H_Z", START_NS, 100.0
    made.formatversion, made.reclen, made.encoding = version, length, encoding
    (record,) = made.generate(
        samples, {"i": "i", "f": "f"}[samples.dtype.kind] if samples.itemsize == 4 else "d"
    )
    return record


INTEGERS = np.random.default_rng(1).integers(-500, 500, 1000).astype(np.int32)
WIDE = np.array([2**31 - 1, -(2**31), 0] * 200, dtype=np.int32)
FLOATS = INTEGERS[:800].astype(np.float32) / 3
DOUBLES = INTEGERS[:400].astype(np.float64) / 3


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("samples", "encoding"),
    [
        (INTEGERS, DataEncoding.STEIM2),
        (INTEGERS, DataEncoding.STEIM1),
        (WIDE, DataEncoding.INT32),
        (FLOATS, DataEncoding.FLOAT32),
        (DOUBLES, DataEncoding.FLOAT64),
    ],
)
def test_every_sample_is_kept_in_records_of_512_bytes_that_follow_each_other(samples, encoding, version):
    record = record_of(samples, encoding, version=version)
    pieces = repack(record, peek(record))
    assert len(pieces) > 1
    expected_ns = START_NS
    parts = []
    for piece in pieces:
        header = peek(piece)
        assert (header.version, header.length, len(piece)) == (2, 512, 512)
        assert header.start_ns == expected_ns
        expected_ns = header.end_ns
        parts.append(MS3Record.parse(piece, unpack_data=True).np_datasamples.copy())
    np.testing.assert_array_equal(np.concatenate(parts), samples)


def test_a_record_that_fits_stays_the_same_bytes():
    record = record_of(INTEGERS[:50], DataEncoding.STEIM2, length=512)
    assert repack(record, peek(record)) == [record]


def test_a_record_without_series_stays_the_same_bytes(make_record):
    record = bytearray(make_record(length=1024))
    record[30:32] = bytes(2)
    assert repack(bytes(record), peek(bytes(record))) == [bytes(record)]


def test_clock_flags_are_kept():
    record = bytearray(record_of(INTEGERS, DataEncoding.STEIM2))
    record[37] |= 0x20
    record[38] |= 0x80
    for piece in repack(bytes(record), peek(bytes(record))):
        assert (peek(piece).is_clock_locked, peek(piece).is_time_questionable) == (True, True)


def test_codes_that_miniseed_2_cannot_hold_are_refused():
    made = MS3Record()
    made.sourceid, made.starttime, made.samprate = "FDSN:XX_LONGSTA_00_H_H_Z", START_NS, 100.0
    made.formatversion, made.reclen = 3, 4096
    (record,) = made.generate(INTEGERS[:100], "i")
    with pytest.raises(RecordError) as caught:
        repack(record, peek(record))
    assert (caught.value.reason, caught.value.station) == ("bad_payload", "XX.LONGSTA")


def test_samples_that_cannot_be_decoded_are_refused_with_their_station():
    record = bytearray(record_of(INTEGERS, DataEncoding.STEIM2))
    record[52] = 99  # an encoding that does not exist
    with pytest.raises(RecordError) as caught:
        repack(bytes(record), peek(bytes(record)))
    assert (caught.value.reason, caught.value.station) == ("unknown_encoding", "XX.AAA")
