"""One test for each rule, then properties over random networks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triggers import trigger as make_trigger

from quake_stream.counters import Counters
from quake_stream.network.coincidence import Coincidence, replay
from quake_stream.network.rule import CoincidenceRule
from quake_stream.types import NS_PER_S, DetectionState

NEW, UPDATE, END, RETRACT = DetectionState


class Network:
    """A coincidence with a plain window of 20 s and what it told."""

    def __init__(self, **rule):
        self.counters = Counters()
        self.coincidence = Coincidence(CoincidenceRule(window_s=20.0, wait_s=30.0, **rule), self.counters)
        self.told = []

    def hears(self, trigger, state=NEW, now_s=None):
        now_ns = trigger.on_ns if now_s is None else round(now_s * NS_PER_S)
        self.told += self.coincidence.receive(trigger, state, now_ns)
        return self

    def ends(self, trigger, off_s):
        return self.hears(replace(trigger, off_ns=round(off_s * NS_PER_S)), END, off_s)

    def waits_until(self, now_s):
        self.told += self.coincidence.advance(round(now_s * NS_PER_S))
        return self

    @property
    def life(self):
        return [(one.state, one.stations) for one in self.told]


A, B, C = (make_trigger(f"XX.{name}..HHZ", onset) for name, onset in [("A", 100), ("B", 105), ("C", 112)])


def test_the_second_of_two_stations_makes_a_network_detection_and_a_third_updates_it():
    network = Network().hears(A)
    assert network.life == []
    network.hears(B)
    assert network.life == [(NEW, ("XX.A", "XX.B"))]
    assert network.told[0].onset_ns == A.onset_ns
    assert network.told[0].on_ns == B.on_ns
    network.hears(C)
    assert network.life[1:] == [(UPDATE, ("XX.A", "XX.B", "XX.C"))]
    assert [one.revision for one in network.told] == [0, 1]


def test_three_are_needed_where_three_were_asked_for():
    network = Network(min_stations=3).hears(A).hears(B)
    assert network.life == []
    assert network.hears(C).life == [(NEW, ("XX.A", "XX.B", "XX.C"))]


def test_stations_too_far_apart_in_time_make_none():
    assert Network().hears(A).hears(make_trigger("XX.B..HHZ", 120.1)).life == []


def test_two_instruments_of_one_station_make_none_but_are_both_members_of_what_others_confirm():
    strong_motion = make_trigger("XX.A..HNZ", 101)
    network = Network().hears(A).hears(strong_motion)
    assert network.life == []
    network.hears(B)
    assert network.life == [(NEW, ("XX.A", "XX.B"))]
    assert [one.id for one in network.told[0].members] == [A.id, strong_motion.id, B.id]


def test_an_aftershock_at_the_same_instruments_is_a_network_detection_of_its_own():
    network = Network().hears(A).hears(B)
    network.hears(make_trigger("XX.A..HHZ", 110)).hears(make_trigger("XX.B..HHZ", 115))
    assert network.life == [(NEW, ("XX.A", "XX.B")), (NEW, ("XX.A", "XX.B"))]
    assert len({one.id for one in network.told}) == 2


def test_a_false_trigger_among_the_first_does_not_split_an_earthquake_in_two():
    early = make_trigger("XX.N..HHZ", 90)
    near, late, later = (
        make_trigger(f"XX.{name}..HHZ", onset) for name, onset in [("A", 100), ("B", 112), ("C", 113)]
    )
    network = Network()
    for one in (early, near, late, later):
        network.hears(one)
    assert {one.id for one in network.told} == {network.told[0].id}
    assert network.told[-1].stations == ("XX.N", "XX.A", "XX.B", "XX.C")


def test_founders_agree_pairwise_and_not_only_with_the_last():
    network = Network(min_stations=3)
    network.hears(make_trigger("XX.A..HHZ", 100)).hears(make_trigger("XX.B..HHZ", 130))
    assert network.hears(make_trigger("XX.C..HHZ", 115)).life == []


def test_it_ends_when_its_last_member_has_and_nobody_can_join_any_more():
    network = Network().hears(A).hears(B).ends(B, 130).waits_until(700)
    assert network.life[1:] == []  # A is still on
    network = Network().hears(A).hears(B).ends(B, 130).ends(A, 120).waits_until(157)
    assert network.life[1:] == []
    network.waits_until(157.1)
    assert network.life[1:] == [(END, ("XX.A", "XX.B"))]
    assert (network.told[-1].off_ns, network.told[-1].reason) == (130 * NS_PER_S, "off")


def test_an_end_that_never_came_is_waited_for_ten_minutes():
    network = Network().hears(A).hears(B).ends(A, 120).waits_until(700)
    assert network.life[1:] == []
    assert network.waits_until(708).told[-1].reason == "max_duration"


def test_what_goes_on_after_that_makes_no_second_one():
    network = Network().hears(A).hears(B).waits_until(708)
    n = len(network.told)
    network.hears(A, UPDATE, 709).hears(B, UPDATE, 709).ends(A, 710).ends(B, 711)
    assert len(network.told) == n


def test_a_station_may_come_late_up_to_the_wait():
    assert Network().hears(A).hears(B, now_s=152).life == [(NEW, ("XX.A", "XX.B"))]
    too_late = Network().hears(A).hears(B, now_s=152.1)
    assert too_late.life == []
    assert too_late.counters.total("triggers.dropped", reason="alone", station="XX.A") == 1


def test_a_retracted_trigger_leaves():
    network = Network().hears(A).hears(A, RETRACT).hears(B)
    assert network.life == []
    network.hears(C).hears(make_trigger("XX.D..HHZ", 110)).hears(B, RETRACT)
    assert network.life[-1] == (UPDATE, ("XX.D", "XX.C"))


def test_with_too_few_stations_left_it_is_retracted_and_the_rest_may_find_other_company():
    network = Network().hears(A).hears(B).hears(B, RETRACT)
    assert network.life == [(NEW, ("XX.A", "XX.B")), (RETRACT, ("XX.A", "XX.B"))]
    network.hears(C)
    assert network.life[2:] == [(NEW, ("XX.A", "XX.C"))]
    assert network.told[2].id != network.told[0].id


def test_a_restart_in_the_middle_takes_up_triggers_by_their_updates_under_the_same_id():
    before = Network().hears(A).hears(B)
    after = Network().hears(B, UPDATE, 110).hears(A, UPDATE, 111)
    assert after.told == before.told


def test_a_trigger_long_on_is_not_taken_up_again():
    assert Network().hears(A, UPDATE, 400).hears(B, UPDATE, 400).life == []


def test_at_the_end_of_the_program_what_is_on_ends_as_such():
    network = Network().hears(A).hears(B)
    assert [(one.state, one.reason) for one in network.coincidence.finish()] == [(END, "shutdown")]
    assert network.coincidence.finish() == []


stations = st.sampled_from("ABCDEF")
networks = st.lists(st.tuples(stations, st.integers(0, 300), st.integers(1, 60)), max_size=25, unique=True)


def recorded(rows):
    return [
        make_trigger(f"XX.{name}..HHZ", onset, off_s=onset + 2 + length, name=f"{n}")
        for n, (name, onset, length) in enumerate(rows)
    ]


@given(networks, st.integers(2, 4), st.randoms())
def test_the_order_of_lines_in_a_file_changes_nothing(rows, k, random):
    triggers = recorded(rows)
    rule = CoincidenceRule(min_stations=k)
    expected = list(replay(triggers, rule, Counters()))
    random.shuffle(triggers)
    assert list(replay(triggers, rule, Counters())) == expected


@given(networks, st.integers(2, 4))
def test_each_life_is_whole_and_each_trigger_in_one_network_detection_at_most(rows, k):
    triggers = recorded(rows)
    rule, counters = CoincidenceRule(min_stations=k), Counters()
    lives = {}
    for one in replay(triggers, rule, counters):
        lives.setdefault(one.id, []).append(one)
    for life in lives.values():
        assert [one.revision for one in life] == list(range(len(life)))
        assert [life[0].state, life[-1].state] == [NEW, END]
        assert {one.state for one in life[1:-1]} <= {UPDATE}
        assert all(len(one.stations) >= k for one in life)
    members = [member.id for life in lives.values() for member in life[-1].members]
    assert len(members) == len(set(members))
    assert counters.total("triggers.received") == len(triggers)


@given(networks, st.integers(2, 4))
def test_no_clique_is_left_alone_when_data_come_in_order(rows, k):
    """What stays alone had too little company: no k of the triggers left agree pairwise."""
    triggers = recorded(rows)
    rule = CoincidenceRule(min_stations=k)
    used = {m.id for one in replay(triggers, rule, Counters()) for m in one.members}
    left = [one for one in triggers if one.id not in used]
    for one in left:
        assert next(Coincidence(rule, Counters())._cliques([one], agreeing(rule, one, left)), None) is None


def agreeing(rule, one, others):
    return [other for other in others if rule.agree(one, other)]


@given(
    st.lists(
        st.tuples(stations, st.floats(0, 15), st.floats(0, 25)),
        min_size=2,
        max_size=6,
        unique_by=lambda x: x[0],
    )
)
def test_delays_up_to_the_wait_change_no_members(rows):
    triggers = [make_trigger(f"XX.{name}..HHZ", 100 + onset) for name, onset, _ in rows]
    in_order = Network()
    for one in sorted(triggers, key=lambda one: one.on_ns):
        in_order.hears(one)
    delayed = Network()
    arrivals = [
        (one.on_ns / NS_PER_S + delay, one) for one, (_, _, delay) in zip(triggers, rows, strict=True)
    ]
    for now_s, one in sorted(arrivals, key=lambda arrival: arrival[0]):
        delayed.hears(one, now_s=now_s)
    assert delayed.told[-1].members == in_order.told[-1].members


def test_the_search_for_company_among_many_that_do_not_agree_is_quick():
    network = Network(min_stations=5)
    for n in range(300):
        network.hears(make_trigger(f"XX.S{n}..HHZ", 100 + 5.1 * n))
    assert network.life == []


@pytest.mark.parametrize("k", [2, 3])
def test_ids_have_the_form_of_those_of_detections(k):
    network = Network(min_stations=k).hears(A).hears(B).hears(C)
    assert len(network.told[0].id) == 20
    assert set(network.told[0].id) <= set("0123456789abcdef")
