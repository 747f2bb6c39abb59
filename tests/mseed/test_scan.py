import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.counters import Counters, by_reason
from quake_stream.mseed.record import Refusal
from quake_stream.mseed.scan import is_miniseed, records_in


def scan(buffer):
    """Return the offsets of the records found, and the counts."""
    counters = Counters()
    offsets = [offset for offset, _ in records_in(buffer, counters=counters)]
    return offsets, by_reason(counters.snapshot())


def test_records_of_any_length_and_version_follow_each_other(make_v2, pack, steim2):
    (v3,) = pack(np.arange(50, dtype=np.int32), encoding=11, version=3)
    parts = [make_v2(length=4096), v3, steim2, make_v2(length=256)]
    offsets, counts = scan(b"".join(parts))
    assert offsets == [0, 4096, 4096 + len(v3), 4608 + len(v3)]
    assert counts == {}


@given(junk=st.binary(min_size=1, max_size=700))
def test_the_record_after_junk_is_found_and_the_junk_counted(make_v2, junk):
    record = make_v2()
    offsets, counts = scan(record + junk + record + record)
    assert offsets[0] == 0
    assert offsets[-1] == 512 + len(junk) + 512
    assert counts["bytes.skipped"] >= len(junk)


def test_a_long_stretch_of_zeros_is_one_refusal_and_is_crossed(make_v2):
    n_zeros = (1 << 21) + 13
    offsets, counts = scan(make_v2() + bytes(n_zeros) + make_v2())
    assert offsets == [0, 512 + n_zeros]
    assert counts["bytes.skipped"] == n_zeros
    assert counts["records.refused.not_miniseed"] == 1


@pytest.mark.fault(2)
def test_a_damaged_record_that_states_its_length_is_stepped_over_whole(make_v2):
    bad = make_v2(start=(2024, 400, 0, 0, 0, 0))
    counters = Counters()
    found = list(records_in(make_v2() + bad + make_v2(), counters=counters))
    assert [offset for offset, _ in found] == [0, 1024]
    assert counters.total("records.refused", reason=Refusal.BAD_TIME, station="IU.ANMO") == 1
    assert counters.total("bytes.skipped") == 512


def test_a_record_that_is_cut_at_the_end_is_counted(make_v2):
    offsets, counts = scan(make_v2() + make_v2()[:500])
    assert offsets == [0]
    assert counts == {"records.refused.truncated": 1, "bytes.skipped": 500}


def test_a_length_that_reaches_beyond_the_file_does_not_hide_the_next_record(make_v2):
    first = bytearray(make_v2())
    first[54] = 13  # 8192 bytes
    offsets, counts = scan(bytes(first) + make_v2())
    assert offsets == [512]
    assert counts == {"records.refused.truncated": 1, "bytes.skipped": 512}


def test_the_check_is_called_in_records_and_in_junk_and_can_end_the_scan(make_v2):
    class Enough(Exception):  # noqa: N818  it is no error
        pass

    n_calls = 0

    def check():
        nonlocal n_calls
        n_calls += 1
        if n_calls == 4:
            raise Enough

    with pytest.raises(Enough):
        list(records_in(make_v2() + bytes(1 << 24), counters=Counters(), check=check))


def test_a_file_is_told_by_its_first_record_or_volume_header(make_v2, steim2):
    assert is_miniseed(steim2)
    assert is_miniseed(b"junk" * 9 + steim2)
    assert is_miniseed(make_v2(blockettes=())[:500])
    assert is_miniseed(b"000001V 010009502.1")
    assert not is_miniseed(b"network,station,start\nIU,ANMO,2024-01-01\n" * 20)
    assert not is_miniseed(b"")
