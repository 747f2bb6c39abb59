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
    common_arrival_ns,
)
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, Position, RestPoint

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
        trail.advance(position(sequence), spacing_ns=2 * NS_PER_S)
        trail.forget_before(trail.safe(horizon_s * NS_PER_S))
        saved = trail.marks[0].position.sequence
        assert all(end <= horizon_s for end in ends_s[: max(0, saved)])
        assert trail.last == position(sequence)
        assert len(trail.marks) <= MAX_MARKS


def test_the_first_record_comes_again_until_it_is_not_needed_any_more() -> None:
    trail = Trail()
    trail.see(10 * NS_PER_S, now_ns=0)
    trail.advance(position(1), spacing_ns=NS_PER_S)
    first = trail.safe(9 * NS_PER_S).position
    assert (first.sequence, first.start_ns) == (NO_SEQUENCE, NS_PER_S)
    trail.advance(position(2), spacing_ns=NS_PER_S)
    assert trail.safe(10 * NS_PER_S).position == position(1)


def test_a_saved_position_is_safe_from_the_start() -> None:
    trail = Trail()
    trail.begin(position(7))
    trail.see(20 * NS_PER_S, now_ns=20 * NS_PER_S)
    trail.advance(position(8), spacing_ns=NS_PER_S)
    assert trail.safe(0).position == position(7)


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
    trail.advance(position(9), spacing_ns=NS_PER_S)
    trail.void_sequences()
    assert trail.last
    assert [trail.last.sequence, *(mark.position.sequence for mark in trail.marks)] == [NO_SEQUENCE] * 3
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


def walked(n_s: int, *, from_s: int = 0) -> Trail:
    """Make the trail of a station whose records of a second came at once."""
    trail = Trail()
    for second in range(from_s, from_s + n_s):
        trail.see((second + 1) * NS_PER_S, now_ns=(second + 1) * NS_PER_S)
        trail.advance(position(second), spacing_ns=NS_PER_S)
    return trail


def test_in_one_ring_all_go_back_to_where_the_one_that_needs_most_does() -> None:
    at_rest, busy = walked(100), walked(100)
    common_ns = common_arrival_ns([(at_rest, 90 * NS_PER_S), (busy, 30 * NS_PER_S)])
    assert common_ns == 30 * NS_PER_S
    assert at_rest.safe(90 * NS_PER_S, common_ns).position.sequence == 29
    assert busy.safe(30 * NS_PER_S, common_ns).position.sequence == 29


def test_in_one_ring_the_silent_and_the_endless_hold_back_nobody() -> None:
    at_rest, endless = walked(1000), walked(1000)
    dead, newest_ns = walked(50), 990 * NS_PER_S
    trails = [(at_rest, newest_ns), (endless, 0), (dead, 0)]
    assert common_arrival_ns(trails) == newest_ns
    assert common_arrival_ns([]) > newest_ns


def test_in_one_ring_what_an_earlier_process_saved_counts_as_just_arrived() -> None:
    resumed, other = Trail(), walked(100, from_s=1000)
    resumed.see(0, now_ns=1000 * NS_PER_S)
    resumed.begin(position(7))
    assert common_arrival_ns([(resumed, 0), (other, 1090 * NS_PER_S)]) == 1000 * NS_PER_S
