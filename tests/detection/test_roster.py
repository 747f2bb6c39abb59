"""Any number of stations may come and go: what is kept of them is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.detection.roster import REST_AFTER_NS, Roster
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S


class FakeInstrument:
    def __init__(self, instrument_id) -> None:
        self.instrument_id = instrument_id
        self.n_released = 0

    def release(self) -> None:
        self.n_released += 1


def name(n):
    return SourceId.from_codes("XX", f"S{n}", "", "HHZ").instrument


def test_an_instrument_is_made_once():
    roster = Roster(FakeInstrument)
    first = roster.hear(name(1), 0)
    assert roster.hear(name(1), 1) is first
    assert roster[name(1)] is roster.get(name(1)) is first
    assert roster.get(name(2)) is None
    assert list(roster.items()) == [(name(1), first)]


def test_an_instrument_that_was_silent_for_a_day_gives_its_samples_back_once():
    roster = Roster(FakeInstrument)
    silent, heard = roster.hear(name(1), 0), roster.hear(name(2), 0)
    roster.hear(name(2), REST_AFTER_NS)
    assert silent.n_released == 0
    for n in range(1, 10):
        roster.hear(name(2), REST_AFTER_NS + n)
    assert (silent.n_released, heard.n_released) == (1, 0)
    assert roster.hear(name(1), REST_AFTER_NS + 10) is silent


def test_when_there_are_too_many_new_ones_are_refused_and_known_ones_go_on():
    roster = Roster(FakeInstrument, max_instruments=3)
    known = [roster.hear(name(n), 0) for n in range(3)]
    assert roster.hear(name(3), 1) is None
    assert [roster.hear(name(n), 2) for n in range(3)] == known


def test_the_one_that_rests_longest_makes_room_for_a_new_one():
    roster = Roster(FakeInstrument, max_instruments=3)
    for n in range(3):
        roster.hear(name(n), n)
    roster.hear(name(0), 10)
    later_ns = 2 * REST_AFTER_NS
    assert roster.hear(name(3), later_ns) is not None
    assert roster.get(name(1)) is None
    assert [i.instrument_id for i in roster] == [name(0), name(2), name(3)]


@pytest.mark.fault(22)
def test_ten_thousand_stations_that_come_and_go_leave_no_more_than_the_bound():
    roster = Roster(FakeInstrument, max_instruments=100)
    # 96 new ones a day
    assert all(roster.hear(name(n), n * 900 * NS_PER_S) for n in range(10_000))
    assert len(list(roster)) <= 100


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2 * REST_AFTER_NS)), max_size=40))
def test_none_that_was_heard_within_a_day_is_forgotten_or_released(heard):
    roster = Roster(FakeInstrument, max_instruments=5)
    now_ns, last_ns = 0, {}
    for n, later_ns in heard:
        now_ns += later_ns
        instrument = roster.hear(name(n), now_ns)
        recent = {k for k, at_ns in last_ns.items() if now_ns - at_ns <= REST_AFTER_NS}
        assert (instrument is None) == (n not in recent and len(recent) == 5 and n not in last_ns)
        if instrument is not None:
            last_ns[n] = now_ns
        assert all(roster.get(name(k)) is not None for k in recent)
        last_ns = {k: at_ns for k, at_ns in last_ns.items() if roster.get(name(k)) is not None}
        assert len(list(roster)) <= 5
