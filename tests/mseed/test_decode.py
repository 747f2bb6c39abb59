import collections
import contextlib
import csv
import io
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obspy.io.mseed.core import _read_mseed

from quake_stream.counters import Counters
from quake_stream.mseed.decode import decode
from quake_stream.mseed.header import peek
from quake_stream.mseed.record import RecordError, Refusal
from quake_stream.mseed.scan import records_in
from quake_stream.source_id import SourceId
from quake_stream.types import Position

RNG = np.random.default_rng(0)
COUNTS = np.cumsum(RNG.integers(-100, 100, 60)).astype(np.int32)
VOLTS = RNG.normal(size=60)


def refusal(record, **kwargs):
    with pytest.raises(RecordError) as refused:
        decode(record, received_ns=0, **kwargs)
    return refused.value.reason


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("encoding", "samples"),
    [
        (1, COUNTS),
        (3, COUNTS),
        (4, VOLTS.astype(np.float32)),
        (5, VOLTS),
        (10, COUNTS),
        (11, COUNTS),
    ],
)
def test_what_was_encoded_is_decoded(pack, version, encoding, samples):
    records = pack(samples, encoding=encoding, version=version)
    packets = [decode(record, received_ns=5) for record in records]
    assert np.array_equal(np.concatenate([packet.samples for packet in packets]), samples)
    assert packets[0].samples.dtype == samples.dtype
    assert packets[0].source_id == SourceId.from_nslc("IU.ANMO.00.BHZ")
    assert packets[0].sample_rate_hz == 100.0
    assert packets[0].received_ns == 5


def test_samples_are_read_only(steim2):
    with pytest.raises(ValueError, match="read-only"):
        decode(steim2, received_ns=0).samples[0] = 1


def test_little_endian_records_are_decoded(make_v2):
    assert decode(make_v2(order="<"), received_ns=0).samples.tolist() == [1, -2, 3]


def test_the_position_in_the_stream_and_a_header_read_before_are_taken_over(steim2):
    position = Position(server="s", network="IU", station="ANMO", sequence=7, start_ns=1)
    packet = decode(steim2, received_ns=0, position=position, header=peek(steim2))
    assert packet.position is position
    assert packet.n_samples == peek(steim2).n_samples


@pytest.mark.fault(2)
def test_no_single_bit_flip_in_a_steim_payload_passes_with_wrong_samples(steim2):
    right = decode(steim2, received_ns=0).samples
    n_refused = 0
    for at in range(peek(steim2).data_offset * 8, len(steim2) * 8):
        damaged = bytearray(steim2)
        damaged[at // 8] ^= 1 << at % 8
        try:
            samples = decode(bytes(damaged), received_ns=0).samples
        except RecordError as exc:
            assert exc.reason is Refusal.BAD_PAYLOAD  # noqa: PT017  some flips hit unused bits
            n_refused += 1
        else:
            assert np.array_equal(samples, right)
    assert n_refused > 3000


@pytest.mark.fault(2)
def test_no_single_bit_flip_in_a_version_3_record_passes_at_all(pack):
    (record,) = pack(COUNTS, encoding=11, version=3)
    for at in range(len(record) * 8):
        damaged = bytearray(record)
        damaged[at // 8] ^= 1 << at % 8
        refusal(bytes(damaged))


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("encoding", "reason"),
    [
        (0, Refusal.NO_SAMPLES),
        (1, Refusal.BAD_PAYLOAD),
        (3, Refusal.BAD_PAYLOAD),
        (4, Refusal.BAD_PAYLOAD),
        (5, Refusal.BAD_PAYLOAD),
        (10, Refusal.BAD_PAYLOAD),
        (19, Refusal.UNKNOWN_ENCODING),
        (99, Refusal.UNKNOWN_ENCODING),
        (100, Refusal.NO_SAMPLES),
    ],
)
def test_a_full_steim_2_record_that_states_another_encoding_is_refused(steim2, encoding, reason):
    at = steim2.index(struct.pack(">H", 1000), 48) + 4
    assert refusal(steim2[:at] + bytes([encoding]) + steim2[at + 1 :]) is reason


def test_a_wrong_byte_order_flag_is_refused(steim2):
    at = steim2.index(struct.pack(">H", 1000), 48) + 5
    assert refusal(steim2[:at] + b"\0" + steim2[at + 1 :]) is Refusal.BAD_PAYLOAD


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("exponent", "reason"),
    [
        (0, Refusal.BAD_HEADER),
        (7, Refusal.BAD_PAYLOAD),
        (8, Refusal.BAD_PAYLOAD),
        (10, Refusal.TRUNCATED),
        (31, Refusal.BAD_HEADER),
    ],
)
def test_a_wrong_record_length_is_refused(steim2, exponent, reason):
    at = steim2.index(struct.pack(">H", 1000), 48) + 6
    assert refusal(steim2[:at] + bytes([exponent]) + steim2[at + 1 :]) is reason


@pytest.mark.parametrize("change", [-1, 1])
def test_a_sample_count_that_does_not_fit_the_payload_is_refused(steim2, change):
    (count,) = struct.unpack_from(">H", steim2, 30)
    damaged = steim2[:30] + struct.pack(">H", count + change) + steim2[32:]
    assert refusal(damaged) is Refusal.BAD_PAYLOAD


@pytest.mark.fault(2)
def test_every_cut_of_a_record_is_refused(steim2):
    for n_bytes in range(len(steim2)):
        assert refusal(steim2[:n_bytes]) in {Refusal.TRUNCATED, Refusal.NOT_MINISEED}


def test_what_follows_a_record_is_ignored(steim2):
    longer = decode(steim2 + b"tail" * 100, received_ns=0)
    assert np.array_equal(longer.samples, decode(steim2, received_ns=0).samples)


@pytest.mark.parametrize("fields", [{"samples": ()}, {"rate": (0, 1)}, {"encoding": 0}])
def test_records_that_hold_no_series_are_refused_as_such(make_v2, fields):
    assert refusal(make_v2(**fields)) is Refusal.NO_SAMPLES


def test_a_refusal_names_the_station(make_v2):
    with pytest.raises(RecordError) as refused:
        decode(make_v2(encoding=19), received_ns=0)
    assert refused.value.station == "IU.ANMO"


def test_a_station_that_is_illegible_is_refused(make_v2):
    assert refusal(make_v2(codes=b"\xffNMO 00BHZIU")) is Refusal.BAD_CODES


@pytest.mark.parametrize("order", [">", "<"])
def test_a_fraction_rounded_up_to_a_whole_second_is_decoded(make_v2, order):
    record = make_v2(start=(2024, 34, 5, 14, 27, 10_000), order=order)
    assert decode(record, received_ns=0).samples.tolist() == [1, -2, 3]


@pytest.mark.fault(18)
def test_a_leap_second_is_decoded(make_v2):
    record = make_v2(start=(2016, 366, 23, 59, 60, 0))
    assert decode(record, received_ns=0).samples.tolist() == [1, -2, 3]


def test_steim_1_without_blockette_1000_is_recognised_and_anything_else_refused(pack, make_v2):
    (steim1,) = pack(COUNTS, encoding=10)
    undeclared = steim1[:39] + b"\0" + steim1[40:46] + b"\0\0" + steim1[48:]
    assert peek(undeclared).encoding is None
    assert np.array_equal(decode(undeclared, received_ns=0).samples, COUNTS)
    assert refusal(make_v2(blockettes=(), samples=range(90))) is Refusal.UNKNOWN_ENCODING


@pytest.mark.fault(2)
@given(changes=st.lists(st.tuples(st.integers(0, 511), st.integers(0, 255)), max_size=12))
def test_no_damage_raises_anything_but_a_refusal(steim2, make_v2, pack, changes):
    for record in (steim2, make_v2(), pack(COUNTS, encoding=10, version=3)[0]):
        damaged = bytearray(record)
        for at, value in changes:
            damaged[at % len(damaged)] = value
        with contextlib.suppress(RecordError):
            decode(bytes(damaged), received_ns=0)


# Samples of files in which we read other than ObsPy, and why that stays so.
TEXT = "text, which ObsPy returns as samples"
CODES = "no legible stream codes; ObsPy drops the bytes that it cannot read"
NO_RATE = "a series at 0 Hz"
UNDECLARED = "no encoding stated, and it is not Steim 1: ObsPy decodes it as that, with a warning"
DAMAGED = "the last sample contradicts the differences: ObsPy only warns"
LOST = "a record that ObsPy fails on ends its reading of the file; we go on after it"
JUNK = "ObsPy stops at bytes between records; we look for the next one"
DIFFERENCES = {
    "EarthScope__libmseed/reference-testdata-text.mseed2": (0, TEXT),
    "iris-edu__libmseed/text-encoded.mseed": (0, TEXT),
    "obspy__obspy/fullASCII_bigEndian.mseed": (0, TEXT),
    "obspy__obspy/fullASCII_littleEndian.mseed": (0, TEXT),
    "obspy__obspy/smallASCII_bigEndian.mseed": (0, TEXT),
    "obspy__obspy/smallASCII_littleEndian.mseed": (0, TEXT),
    "obspy__obspy/rt130_sr0_cropped.mseed": (0, TEXT),
    "obspy__branches/log.V04C.mseed": (86_180, TEXT),
    "GeoNet__kit/geonet-seedlink-info-ascii.mseed": (0, TEXT),
    "obspy__obspy/nan_float32.mseed": (0, CODES),
    "obspy__obspy/nan_float64.mseed": (0, CODES),
    "obspy__obspy/gecko_non_ascii_header.ms": (0, CODES),
    "generated_mutations/station_nonascii.mseed": (0, CODES),
    "generated_mutations/ratefactor_0.mseed": (672, NO_RATE),
    "obspy__branches/32Bit_int.GUM.CS..SHZ.1992.010.D": (0, UNDECLARED),
    "obspy__branches/32bitInt.NoBlkt1000.seed": (0, UNDECLARED),
    "generated_mutations/bitflip_01.mseed": (2084, DAMAGED),
    "generated_mutations/bitflip_05.mseed": (355, DAMAGED),
    "generated_mutations/bitflip_11.mseed": (1708, DAMAGED),
    "generated_mutations/bitflip_17.mseed": (2435, DAMAGED),
    "generated_mutations/junk_between.mseed": (1013, JUNK),
    "generated_mutations/nsamp_plus1.mseed": (672, LOST),
    "generated_mutations/year_65535.mseed": (672, LOST),
    "generated_mutations/doy_400.mseed": (672, LOST),
    "generated_mutations/blkoffset_0.mseed": (672, LOST),
    "generated_mutations/bitflip_03.mseed": (1737, LOST),
    "generated_mutations/bitflip_07.mseed": (1750, LOST),
    "generated_mutations/headerfuzz_03.mseed": (333, LOST),
    "generated_mutations/headerfuzz_09.mseed": (333, LOST),
    "obspy__branches/wrong-nextblkt-offset.mseed": (1996, LOST),
}
# Refusals of records that ObsPy reads on their own: by reason, over all files.
REFUSED_ALONE = {
    Refusal.NO_SAMPLES: "text, or a rate of 0",
    Refusal.BAD_CODES: CODES,
    Refusal.UNKNOWN_ENCODING: UNDECLARED,
    Refusal.BAD_PAYLOAD: DAMAGED,
}


def read_by_obspy(record):
    """Return what ObsPy decodes (None if it refuses), and whether it warned that this is wrong."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # What obspy.read calls, without its search for plug-ins: five times as fast.
            stream = _read_mseed(io.BytesIO(record))
        except Exception:  # noqa: BLE001  ObsPy raises bare Exception among others
            return None, False
    return stream[0].data, any("integrity" in str(warning.message) for warning in caught)


@pytest.fixture(scope="module")
def corpus(shared):
    """Per file of the corpus: the manifest's row, and of each record its bytes, packet or refusal."""
    folder = shared / "miniseed_corpus"
    with (folder / "MANIFEST.csv").open() as rows:
        manifest = list(csv.DictReader(rows))
    files = {}
    for row in manifest:
        buffer, counters, results = (folder / row["file"]).read_bytes(), Counters(), []
        for offset, header in records_in(buffer, counters=counters):
            record = buffer[offset : offset + header.length]
            try:
                results.append((record, header, decode(record, received_ns=0)))
            except RecordError as exc:
                counters.add("records.refused", reason=exc.reason)
                results.append((record, header, exc))
        files[row["file"]] = (row, results, counters)
    return files


@pytest.mark.fault(2)
@pytest.mark.fault(3)
@pytest.mark.shared
def test_each_recording_ends_in_samples_or_in_a_counted_refusal(corpus):
    assert len(corpus) == 316
    for name, (_, results, counters) in corpus.items():
        n_packets = sum(not isinstance(result, RecordError) for *_, result in results)
        assert n_packets or counters.total("records.refused"), name


@pytest.mark.shared
def test_each_recording_yields_as_many_samples_as_obspy_reads_but_for_known_differences(corpus):
    for name, (row, results, _) in corpus.items():
        n_samples = sum(r.n_samples for *_, r in results if not isinstance(r, RecordError))
        verdict = row["obspy_1_5_1"].split()
        if name in DIFFERENCES:
            assert n_samples == DIFFERENCES[name][0], name
        elif verdict[0] == "ok":
            assert n_samples == int(verdict[3]), name
        elif row["version"] == "2":
            assert n_samples == 0, name


# ObsPy's log callback cannot decode station codes that are not UTF-8.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.shared
def test_samples_of_all_version_2_recordings_are_those_of_obspy(corpus):
    n_equal, refused = 0, collections.Counter()
    for name, (_, results, _) in corpus.items():
        for record, header, ours in results:
            if header.version == 3:
                continue
            theirs, is_damaged = read_by_obspy(record)
            if not isinstance(ours, RecordError):
                assert theirs is not None, name
                assert not is_damaged, name
                assert theirs.dtype == ours.samples.dtype, name
                assert np.array_equal(theirs, ours.samples, equal_nan=theirs.dtype.kind == "f"), name
                n_equal += 1
            elif theirs is not None and len(theirs):
                refused[ours.reason] += 1
                assert ours.reason in REFUSED_ALONE, name
                assert is_damaged or REFUSED_ALONE[ours.reason] not in {DAMAGED, UNDECLARED}, name
    assert n_equal > 4600
    assert set(refused) == set(REFUSED_ALONE)


@pytest.mark.shared
def test_version_3_recordings_hold_the_samples_of_their_version_2_twins(corpus):
    n_pairs = 0
    for name, (_, results, _) in corpus.items():
        twin = corpus.get(name.removesuffix("3") + "2")
        if not name.endswith("3") or twin is None:
            continue
        n_pairs += 1
        ours, theirs = (
            [packet.samples for *_, packet in records if not isinstance(packet, RecordError)]
            for records in (results, twin[1])
        )
        assert bool(ours) == bool(theirs), name
        if ours:
            assert np.array_equal(np.concatenate(ours), np.concatenate(theirs)), name
    assert n_pairs > 20
