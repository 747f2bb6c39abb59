from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journals import A, B, frames

from quake_stream.publish.frames import decode_header
from quake_stream.publish.segment import MAGIC, DamageError, Segment, pack, scan

RECORDS = [pack(n * 100, frames(A, n)) for n in range(1, 201)]
WHOLE = MAGIC + b"".join(RECORDS)
ENDS = [len(MAGIC) + sum(map(len, RECORDS[:n])) for n in range(len(RECORDS) + 1)]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def found(path: Path) -> tuple[Segment, int]:
    segment, n_sound = scan(path)
    assert segment
    return segment, n_sound


def test_what_was_written_is_read_back_frame_by_frame(tmp_path: Path) -> None:
    segment, n_sound = found(written(tmp_path / "a", WHOLE))
    assert n_sound == segment.n_bytes == len(WHOLE)
    assert (segment.session, segment.first, segment.last) == (A, 1, 200)
    assert (segment.first_ns, segment.last_ns) == (100, 20_000)
    entries = list(segment.read(1))
    assert [list(entry.frames) for entry in entries] == [frames(A, n) for n in range(1, 201)]
    assert [entry.time_ns for entry in entries] == [n * 100 for n in range(1, 201)]


@pytest.mark.parametrize("first", [0, 1, 2, 63, 64, 65, 66, 128, 199, 200, 201, 1000])
def test_reading_begins_where_it_is_asked_to(tmp_path: Path, first: int) -> None:
    segment, _ = found(written(tmp_path / "a", WHOLE))
    assert [entry.header.sequence for entry in segment.read(first)] == list(range(max(first, 1), 201))


@given(since_ns=st.integers(0, 25_000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reading_since_a_time_misses_nothing_and_little_is_read_in_vain(
    tmp_path: Path, since_ns: int
) -> None:
    segment, _ = found(written(tmp_path / "a", WHOLE))
    first = segment.sequence_before(since_ns)
    wanted = [n for n in range(1, 201) if n * 100 >= since_ns]
    assert not wanted or first <= wanted[0] <= first + 2 * 64


@given(cut=st.integers(0, len(WHOLE) - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_a_file_cut_anywhere_the_whole_records_remain(tmp_path: Path, cut: int) -> None:
    segment, n_sound = scan(written(tmp_path / "a", WHOLE[:cut]))
    whole = [end for end in ENDS if end <= cut]
    assert n_sound == (whole[-1] if whole else 0)
    assert (segment.last if segment else 0) == max(0, len(whole) - 1)


@given(at=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_is_never_read_as_a_message(tmp_path: Path, at: int, bit: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] ^= 1 << bit
    segment, n_sound = scan(written(tmp_path / "a", bytes(damaged)))
    assert n_sound == max([0, *(end for end in ENDS if end <= at)])
    if segment is not None:
        for entry in segment.read(1):
            assert list(entry.frames) == frames(A, entry.header.sequence)


@pytest.mark.parametrize("other", [pack(0, frames(B, 2)), pack(0, frames(A, 3)), pack(0, frames(A, 1))])
def test_a_record_that_does_not_follow_ends_the_sound_part(tmp_path: Path, other: bytes) -> None:
    segment, n_sound = found(written(tmp_path / "a", MAGIC + RECORDS[0] + other))
    assert (segment.last, n_sound) == (1, len(MAGIC) + len(RECORDS[0]))


def test_damage_after_the_start_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a", WHOLE)
    segment, _ = found(path)
    damaged = bytearray(WHOLE)
    damaged[ENDS[150] + 20] ^= 1
    path.write_bytes(bytes(damaged))
    reading = segment.read(140)
    assert [next(reading).header.sequence for _ in range(11)] == list(range(140, 151))
    with pytest.raises(DamageError) as raised:
        next(reading)
    assert raised.value.offset == ENDS[150]


def test_a_segment_takes_only_the_next_message_of_its_session(tmp_path: Path) -> None:
    header = decode_header(frames(A, 7)[1])
    segment = Segment.begin(tmp_path / "a", header, 0)
    assert segment.is_next(header)
    segment.add(100, 5)
    assert [segment.is_next(decode_header(frames(A, n)[1])) for n in (6, 7, 8, 9)] == [
        False,
        False,
        True,
        False,
    ]
    assert not segment.is_next(decode_header(frames(B, 8)[1]))
