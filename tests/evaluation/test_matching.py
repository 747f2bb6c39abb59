import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.evaluation.matching import (
    Arrival,
    Found,
    assign,
    judge,
    outside,
    quantile,
    read_arrivals,
    to_ns,
)
from quake_stream.types import NS_PER_S


def arrival(p_s, s_s=None, quality="A", station="XX.A"):
    s_ns = None if s_s is None else s_s * NS_PER_S
    return Arrival(station=station, p_ns=p_s * NS_PER_S, s_ns=s_ns, quality=quality, event=f"e{p_s}")


def found(onset_s, announced_s=None, station="XX.A"):
    announced_s = onset_s + 3 if announced_s is None else announced_s
    return Found(
        station=station, onset_ns=round(onset_s * NS_PER_S), announced_ns=round(announced_s * NS_PER_S)
    )


@pytest.mark.parametrize(
    ("onset_s", "s_s", "matches"),
    [(97, 110, True), (96.9, 110, False), (115, 110, True), (115.1, 110, False), (130, None, True)],
)
def test_an_onset_between_3_s_before_p_and_5_s_after_s_matches(onset_s, s_s, matches):
    assert arrival(100, s_s).matches(round(onset_s * NS_PER_S)) is matches


def test_hits_misses_and_false_alarms_are_told_apart_by_quality():
    arrivals = [arrival(100, 105), arrival(200, 205), arrival(300, 305, "B"), arrival(400, 405, "C")]
    outcome = judge([found(100.5, 102), found(301), found(401), found(500)], arrivals)
    assert (outcome.recall("A"), outcome.recall("B"), outcome.recall("AB")) == (1 / 2, 1, 2 / 3)
    assert outcome.recall("D") is None
    assert (outcome.n_detections, outcome.false_alarms) == (4, (found(500),))
    assert outcome.delays_s() == [2.0]


def test_detections_inside_excluded_spans_count_neither_way():
    spans = {"XX.B": [(499 * NS_PER_S, 501 * NS_PER_S)]}
    kept = outside([found(500, station="XX.B"), found(501, station="XX.B"), found(500)], spans)
    assert [(d.station, d.onset_ns // NS_PER_S) for d in kept] == [("XX.B", 501), ("XX.A", 500)]


def test_an_earthquake_at_another_station_finds_nothing():
    outcome = judge([found(100, station="XX.B")], [arrival(100, 105)])
    assert outcome.recall("A") == 0
    assert len(outcome.false_alarms) == 1


def test_the_first_announcement_gives_the_delay():
    assert judge([found(103, 109), found(101, 104)], [arrival(100, 110)]).delays_s() == [4.0]


def test_one_detection_of_two_earthquakes_is_one_of_two_when_each_finds_one_only():
    outcome = judge([found(101)], [arrival(100, 101), arrival(102, 103)])
    assert outcome.recall("A") == 1.0
    assert outcome.recall("A", one_to_one=True) == 0.5


def test_the_detection_that_fits_both_is_left_to_the_one_that_has_no_other():
    early, late = arrival(100, 101), arrival(105, 110)
    both, late_only = found(103), found(112)
    assert assign([late_only, both], [late, early]) == {early: both, late: late_only}


TIMES = st.lists(st.integers(0, 60), max_size=6)


@given(onsets=TIMES, ps=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=5, unique=True))
def test_no_other_pairing_finds_more(onsets, ps):
    arrivals = [arrival(p, p + s) for p, s in ps]
    detections = [found(onset) for onset in onsets]
    pairs = assign(detections, arrivals)
    assert all(a.matches(d.onset_ns) for a, d in pairs.items())
    assert len({id(d) for d in pairs.values()}) == len(pairs)
    most = 0
    for order in itertools.permutations(arrivals):
        free = list(detections)
        for a in order:
            hit = next((d for d in free if a.matches(d.onset_ns)), None)
            if hit is not None:
                free.remove(hit)
        most = max(most, len(detections) - len(free))
    assert len(pairs) >= most


@given(onsets=TIMES, ps=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=5, unique=True))
def test_the_plain_rule_finds_at_least_as_much_and_agrees_with_its_definition(onsets, ps):
    arrivals = [arrival(p, p + s) for p, s in ps]
    detections = [found(onset) for onset in onsets]
    outcome = judge(detections, arrivals)
    for one in outcome.matches:
        hits = [d.announced_ns for d in detections if one.arrival.matches(d.onset_ns)]
        assert one.announced_ns == min(hits, default=None)
        assert not one.is_own or hits
    alarms = tuple(d for d in detections if not any(a.matches(d.onset_ns) for a in arrivals))
    assert outcome.false_alarms == alarms


def test_the_table_of_events_is_read(tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(
        "station,p_time,s_time,quality,snr_p\nCX.PB01,2014-05-01T00:00:24.088Z,,B,9.5\n"
        "CX.PB02,1970-01-01T00:00:01Z,1970-01-01T00:00:02.5Z,A,\nCX.PB02,,,D,\n"
    )
    first, second = read_arrivals(file)
    assert (first.s_ns, first.snr, second.snr) == (None, 9.5, None)
    assert (second.p_ns, second.s_ns) == (NS_PER_S, 2_500_000_000)
    assert first.event != second.event
    assert read_arrivals(tmp_path / "none.csv") == []


def test_times_and_quantiles_are_exact():
    assert to_ns("2014-05-01T00:00:24.088Z") == 1_398_902_424_088_000_000
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.9) == 3.0
    assert quantile([], 0.5) is None
