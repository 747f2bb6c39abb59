"""The position to begin from after a restart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.ingest.trail import (
    MAX_AHEAD_NS,
    MAX_INSTRUMENTS,
    MAX_MARKS,
    MAX_REWIND_NS,
    NO_SEQUENCE,
    SILENT_NS,
    Needs,
    Trail,
)
from quake_stream.types import NS_PER_S, InstrumentId, Position, RestPoint

HH, HN = (
    InstrumentId(network="XX", station="AAA", location="", band="H", source=source) for source in ("H", "N")
)


def position(sequence: int) -> Position:
    return Position(
        server="a:1", network="XX", station="AAA", sequence=sequence, start_ns=sequence * NS_PER_S
    )


def point(needed_s: int) -> RestPoint:
    return RestPoint(decided_ns=0, needed_ns=needed_s * NS_PER_S, is_armed=True)


@given(
    ends_s=st.lists(st.integers(0, 4000), min_size=1, max_size=600),
    steps=st.lists(st.integers(0, 20), min_size=600, max_size=600),
)
def test_after_the_first_mark_comes_everything_from_the_horizon_on(
    ends_s: list[int], steps: list[int]
) -> None:
    trail, horizon_s = Trail(), 0
    for sequence, (end_s, step) in enumerate(zip(ends_s, steps, strict=False), 1):
        horizon_s += step
        trail.see(end_s * NS_PER_S, now_ns=5000 * NS_PER_S)
        trail.advance(position(sequence), horizon_ns=horizon_s * NS_PER_S, spacing_ns=2 * NS_PER_S)
        saved = trail.marks[0][1].sequence
        assert all(end <= horizon_s for end in ends_s[: max(0, saved)])
        assert trail.last == position(sequence)
        assert len(trail.marks) <= MAX_MARKS


def test_the_first_record_comes_again_until_it_is_not_needed_any_more() -> None:
    trail = Trail()
    trail.see(10 * NS_PER_S, now_ns=0)
    trail.advance(position(1), horizon_ns=9 * NS_PER_S, spacing_ns=NS_PER_S)
    assert (trail.marks[0][1].sequence, trail.marks[0][1].start_ns) == (NO_SEQUENCE, NS_PER_S)
    trail.advance(position(2), horizon_ns=10 * NS_PER_S, spacing_ns=NS_PER_S)
    assert trail.marks[0][1] == position(1)


def test_a_saved_position_is_safe_from_the_start() -> None:
    trail = Trail()
    trail.begin(position(7))
    trail.see(20 * NS_PER_S, now_ns=20 * NS_PER_S)
    trail.advance(position(8), horizon_ns=0, spacing_ns=NS_PER_S)
    assert trail.marks[0][1] == position(7)


@pytest.mark.fault(17)
def test_data_that_go_on_move_it_even_where_the_clock_was_set_back() -> None:
    trail = Trail()
    trail.see(10**6 * NS_PER_S, now_ns=10**6 * NS_PER_S)
    for second in range(100):
        trail.see((10**6 + second) * NS_PER_S, now_ns=0)
    assert trail.newest_ns == (10**6 + 99) * NS_PER_S
    trail.see(trail.newest_ns + MAX_AHEAD_NS + 1, now_ns=0)
    assert trail.newest_ns == (10**6 + 99) * NS_PER_S


def test_the_numbers_are_void_and_the_times_stay() -> None:
    trail = Trail()
    trail.begin(position(7))
    trail.see(9 * NS_PER_S, now_ns=9 * NS_PER_S)
    trail.advance(position(9), horizon_ns=0, spacing_ns=NS_PER_S)
    trail.void_sequences()
    assert trail.last
    assert [trail.last.sequence, *(mark.sequence for _, mark in trail.marks)] == [NO_SEQUENCE] * 3
    assert trail.last.start_ns == 9 * NS_PER_S


def test_the_instrument_that_needs_most_decides() -> None:
    needs = Needs()
    assert needs.horizon_ns(100 * NS_PER_S, 60 * NS_PER_S) == 40 * NS_PER_S
    needs.note(HH, 100 * NS_PER_S, point(80))
    assert needs.horizon_ns(100 * NS_PER_S, 60 * NS_PER_S) == 80 * NS_PER_S
    needs.note(HN, 90 * NS_PER_S, None)
    assert needs.horizon_ns(100 * NS_PER_S, 60 * NS_PER_S) == 30 * NS_PER_S
    needs.note(HN, 95 * NS_PER_S, point(70))
    needs.note(HN, 96 * NS_PER_S, None)  # it stands where it stood
    assert needs.horizon_ns(100 * NS_PER_S, 60 * NS_PER_S) == 70 * NS_PER_S


def test_a_station_with_endless_instruments_takes_no_endless_memory() -> None:
    needs = Needs()
    for number in range(2 * MAX_INSTRUMENTS):
        instrument_id = InstrumentId(network="XX", station="AAA", location=str(number), band="H", source="H")
        needs.note(instrument_id, 0, point(0))
    assert len(needs.points) == MAX_INSTRUMENTS


def test_the_silent_and_the_endless_are_not_waited_for() -> None:
    needs = Needs()
    needs.note(HH, 0, point(-20))
    newest_ns = SILENT_NS - 1
    needs.note(HN, newest_ns, point(500))
    assert needs.horizon_ns(newest_ns, 0) == -20 * NS_PER_S
    assert needs.horizon_ns(SILENT_NS, 0) == 500 * NS_PER_S
    needs.note(HN, 10**6 * NS_PER_S, point(500))
    assert needs.horizon_ns(10**6 * NS_PER_S, 0) == 10**6 * NS_PER_S - MAX_REWIND_NS
