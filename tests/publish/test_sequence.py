from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from quake_stream.publish.frames import Header
from quake_stream.publish.sequence import Missed, SequenceTracker

A, B = UUID(int=1), UUID(int=2)


def header(sequence: int, session: UUID = A) -> Header:
    return Header(session=session, sequence=sequence)


def test_a_feed_followed_from_its_start_has_no_gap() -> None:
    tracker = SequenceTracker()
    assert [tracker.accept(header(n)) for n in (1, 2, 3)] == [None] * 3


def test_a_late_join_tells_how_many_came_before() -> None:
    missed = SequenceTracker().accept(header(6))
    assert missed == Missed(session=A, first=1, last=5, reason="joined")
    assert missed.count == 5


def test_a_jump_is_a_gap_with_both_ends_included() -> None:
    tracker = SequenceTracker()
    tracker.accept(header(1))
    assert tracker.accept(header(5)) == Missed(session=A, first=2, last=4, reason="gap")


def test_a_new_session_is_reported_even_from_its_first_message() -> None:
    tracker = SequenceTracker()
    tracker.accept(header(1))
    missed = tracker.accept(header(1, B))
    assert missed == Missed(session=B, first=1, last=0, reason="restarted")
    assert missed.count == 0
    assert not tracker.is_known(header(2, B))


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1))
def test_messages_accepted_and_missed_make_up_the_whole_sequence(arrivals: list[int]) -> None:
    tracker, accounted = SequenceTracker(), []
    for sequence in arrivals:
        if tracker.is_known(header(sequence)):
            continue
        missed = tracker.accept(header(sequence))
        if missed is not None:
            accounted += range(missed.first, missed.last + 1)
        accounted.append(sequence)
    assert accounted == list(range(1, max(arrivals) + 1))
