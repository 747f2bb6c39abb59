"""
Windows of 5.12 s every 0.5 s; a stream is a list of probabilities, None for a window that is missing.

Where the ground matters, a probability comes with the level of its window in dB, and with how upright it
shook, vertical over horizontal in dB, where that matters; it is at rest at 0 dB.
"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.detection.trigger import Trigger, TriggerSettings, detection_id
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, DetectionState, ModelSpec, Window

ANMO = InstrumentId(network="IU", station="ANMO", location="00", band="B", source="H")
HOP = 50
SPEC = ModelSpec(
    name="test",
    version="1",
    sha256="ab" * 32,
    sample_rate_hz=100.0,
    n_samples=512,
    component_sets=("ZNE",),
    highpass_hz=1.0,
    transform="zscore-rfft/1",
    classes=("noise", "earthquake"),
    trigger_classes=("earthquake",),
    on=0.9,
    off=0.5,
    min_windows=2,
    hop_s=0.5,
)
NEW, UPDATE, END, RETRACT = DetectionState


def window(i, level_db=math.nan, vertical_db=math.nan):
    start_ns = i * NS_PER_S // 2
    return Window(
        instrument_id=ANMO,
        start_index=i * HOP,
        start_ns=start_ns,
        end_ns=start_ns + 5_120_000_000,
        components=("Z", "N", "E"),
        received_ns=start_ns + 6_000_000_000,
        level_db=level_db,
        vertical_db=vertical_db,
    )


def trigger(spec=SPEC, **settings):
    given_settings = {"on": 0.9, "off": 0.5, "min_windows": 2} | settings
    return Trigger(instrument_id=ANMO, spec=spec, hop_samples=HOP, settings=TriggerSettings(**given_settings))


def feed(t, stream, start=0):
    changes = []
    for i, item in enumerate(stream, start):
        if item is not None:
            p, *motion_db = item if isinstance(item, tuple) else (item,)
            changes += t.receive(window(i, *motion_db), (1 - p, p))
    return changes


REST = [(0.1, 0)] * 20  # ten seconds of a ground that does not move, probability 0.1
P = [(0.95, 20), (0.95, 30), (0.95, 25)]


def coda(*levels_db, p=0.3):
    return [(p, level_db) for level_db in levels_db]


def lives(changes):
    """Sort changes by detection."""
    return [[c for c in changes if c.id == key] for key in dict.fromkeys(c.id for c in changes)]


def states(changes):
    return [c.state for c in changes]


def test_new_comes_with_the_last_of_min_windows_and_begins_with_the_first():
    t = trigger(min_windows=3)
    assert feed(t, [0.1, 0.95, 0.95]) == []
    assert not t.is_on
    (new,) = feed(t, [0.95], start=3)
    assert t.is_on
    assert (new.state, new.revision, new.first, new.n_windows) == (NEW, 0, window(1), 3)
    assert new.off_ns is None


def test_windows_that_are_not_consecutive_do_not_add_up():
    assert feed(trigger(), [0.95, 0.1, 0.95, 0.1]) == []
    assert feed(trigger(), [0.95, 0.6, 0.95, 0.6]) == []
    assert feed(trigger(), [0.95, None, 0.95, None]) == []


def test_it_ends_when_below_off_for_hold_s_at_its_last_window_above_off():
    changes = feed(trigger(hold_s=2), [0.95, 0.95, 0.6, 0.4, 0.4, 0.4])
    assert states(changes) == [NEW]
    changes = feed(trigger(hold_s=2), [0.95, 0.95, 0.6, 0.4, 0.4, 0.4, 0.4])
    assert states(changes) == [NEW, END]
    end = changes[-1]
    assert (end.reason, end.off_ns, end.n_windows, end.revision) == ("off", window(2).end_ns, 3, 1)


def test_with_no_hold_the_first_window_below_off_ends_it():
    changes = feed(trigger(hold_s=0), [0.95, 0.95, 0.95, 0.4])
    assert states(changes) == [NEW, END]


def test_flicker_within_hold_s_is_the_same_detection():
    changes = feed(trigger(hold_s=2), [0.95, 0.95, 0.4, 0.4, 0.4, 0.6] * 5 + [0.4] * 4)
    assert states(changes) == [NEW, END]


def test_one_that_is_too_short_is_retracted():
    changes = feed(trigger(confirm_windows=3), [0.95, 0.95] + [0.1] * 6)
    assert states(changes) == [NEW, RETRACT]
    assert changes[-1].reason == "too_short"


def test_an_update_comes_when_the_peak_has_risen_enough_and_not_too_often():
    changes = feed(trigger(update_interval_s=2), [0.9, 0.9, 0.91, 0.93, 0.94, 0.95, 0.95, 0.96, 0.969])
    assert states(changes) == [NEW, UPDATE]
    assert [c.peak_probability for c in changes] == [0.9, 0.95]
    assert changes[1].peak == window(5)
    assert dict(changes[1].probabilities) == {"noise": 0.05, "earthquake": 0.95}


def test_an_update_comes_when_the_class_changes():
    spec = ModelSpec(
        **{name: getattr(SPEC, name) for name in SPEC.__slots__}
        | {"classes": ("noise", "p", "s"), "trigger_classes": ("p", "s")}
    )
    t = trigger(spec, update_interval_s=0)
    t.receive(window(0), (0.05, 0.9, 0.05))
    (new,) = t.receive(window(1), (0.05, 0.9, 0.05))
    (update,) = t.receive(window(2), (0.04, 0.06, 0.9))
    assert (new.class_name, new.peak_probability) == ("p", 0.95)
    assert (update.state, update.class_name, update.peak_probability) == (UPDATE, "s", 0.96)


def test_missing_windows_for_longer_than_hold_s_end_it_with_reason_gap():
    changes = feed(trigger(hold_s=3), [0.95, 0.95, 0.95, *[None] * 6, 0.95])
    assert states(changes) == [NEW]
    changes = feed(trigger(hold_s=3), [0.95, 0.95, 0.95, *[None] * 7, 0.95, 0.95])
    assert states(changes) == [NEW, END, NEW]
    assert (changes[1].reason, changes[1].off_ns) == ("gap", window(2).end_ns)
    assert changes[2].first == window(10)


def test_any_gap_costs_a_window_length_and_ends_it_however_long_hold_s_is():
    changes = feed(trigger(hold_s=100), [0.95, 0.95, *[None] * 10, 0.95])
    assert states(changes) == [NEW, END]


def test_a_gap_is_told_as_soon_as_it_is_known_that_no_window_will_come():
    t = trigger(hold_s=3)
    feed(t, [0.95, 0.95, 0.95])
    assert t.expect(window(9).end_ns) == []
    (end,) = t.expect(window(10).end_ns)
    assert (end.state, end.reason) == (END, "gap")
    assert t.expect(window(11).end_ns) == []


def test_a_gap_retracts_nothing():
    changes = feed(trigger(hold_s=3, confirm_windows=3), [0.95, 0.95, *[None] * 8, 0.1])
    assert states(changes) == [NEW, END]


def test_one_large_earthquake_is_one_detection():
    t = trigger(max_duration_s=60)
    changes = feed(t, [0.99] * 1000)
    assert states(changes) == [NEW, END]
    assert changes[1].reason == "max_duration"
    assert feed(t, [0.49, 0.99, 0.99], start=1000)[0].state is NEW


def test_after_max_duration_a_window_below_off_arms_it_even_the_last_one():
    t = trigger(max_duration_s=5, hold_s=100)
    assert states(feed(t, [0.99] * 10 + [0.4])) == [NEW, END]
    assert states(feed(t, [0.99, 0.99], start=11)) == [NEW]


def test_none_begins_within_the_refractory_time():
    quake = [0.95] * 3 + [0.1] * 6
    assert states(feed(trigger(hold_s=2), quake * 2)) == [NEW, END, NEW, END]
    assert states(feed(trigger(hold_s=2, refractory_s=10), quake * 2)) == [NEW, END]


def test_close_ends_what_is_on_and_forgets_what_is_rising():
    t = trigger()
    feed(t, [0.95, 0.95])
    (end,) = t.close("shutdown")
    assert (end.state, end.reason, end.off_ns) == (END, "shutdown", window(1).end_ns)
    feed(t, [0.95], start=2)
    assert t.close("shutdown") == []


def test_ids_depend_on_model_instrument_and_first_window_only():
    (early,) = feed(trigger(), [0.95, 0.95], start=10)
    (late,) = feed(trigger(min_windows=3), [0.95, 0.95, 0.95], start=10)
    assert early.id == late.id == detection_id(SPEC, ANMO, window(10))
    assert len(early.id) == 20
    (other,) = feed(trigger(), [0.95, 0.95], start=11)
    assert other.id != early.id


def test_off_above_on_is_refused():
    with pytest.raises(ValueError, match=r"off \(0.9\) must not be above on \(0.5\)"):
        TriggerSettings(on=0.5, off=0.9, min_windows=1)


def test_a_probability_that_is_no_number_counts_as_below_off():
    t = trigger(hold_s=0)
    assert states(feed(t, [float("nan"), 0.95, 0.95, 0.95, float("nan")])) == [NEW, END]


def test_silence_ends_it_as_a_gap_would():
    told, later = trigger(), trigger()
    quake = [0.95, 0.95, 0.99, 0.6, 0.4]
    assert feed(told, quake) == feed(later, quake)
    (end,) = told.close_silent()
    assert (end.state, end.reason, end.off_ns, end.n_windows) == (END, "gap", window(3).end_ns, 4)
    assert [end] == later.expect(window(100).end_ns)
    assert told.close_silent() == []
    assert told.expect(window(100).end_ns) == []


def test_silence_retracts_nothing_and_leaves_what_is_rising():
    t = trigger(confirm_windows=3)
    assert feed(t, [0.95]) == t.close_silent() == []
    (new,) = feed(t, [0.95], start=1)
    assert new.first == window(0)
    assert states(t.close_silent()) == [END]


def test_after_silence_without_a_gap_it_begins_again_only_after_a_window_below_off():
    t = trigger()
    feed(t, [0.95, 0.95])
    t.close_silent()
    assert feed(t, [0.95] * 20, start=2) == []
    assert states(feed(t, [0.4, 0.95, 0.95], start=22)) == [NEW]


def test_after_silence_a_new_one_may_begin_where_the_last_window_was_below_off():
    t = trigger()
    feed(t, [0.95, 0.95, 0.4])
    t.close_silent()
    assert states(feed(t, [0.95, 0.95], start=3)) == [NEW]


def test_the_next_earthquake_in_the_coda_ends_the_detection_and_is_one_itself():
    t = trigger()
    feed(t, REST + P)
    assert feed(t, [*coda(20, 19, 18, p=0.6), (0.95, 28)], start=23) == []
    end, new = feed(t, [(0.95, 29)], start=27)
    assert (end.state, end.reason, end.off_ns, end.n_windows) == (END, "retrigger", window(25).end_ns, 6)
    assert (new.state, new.first, new.n_windows) == (NEW, window(26, 28), 2)
    assert new.id == detection_id(SPEC, ANMO, window(26)) != end.id


def test_a_model_that_stays_sure_does_not_hide_the_next_earthquake():
    changes = feed(trigger(), REST + P + coda(22, 18, 15, p=0.96) + [(0.96, 25)] * 2)
    assert [(c.state, c.reason) for c in changes] == [(NEW, ""), (END, "retrigger"), (NEW, "")]


def test_more_of_the_same_shaking_is_the_same_detection():
    t = trigger()
    assert states(feed(t, REST + P + coda(22, 20, 19, p=0.3) + [(0.95, 25)] * 4)) == [NEW]
    (end,) = t.close("shutdown")
    assert end.n_windows == 7


def test_without_the_model_no_rise_is_an_earthquake():
    t = trigger()
    assert states(feed(t, REST + P + coda(20, 10, 25, 25, 25, p=0.89))) == [NEW]
    assert states(feed(t, [(0.95, 25), (0.89, 25), (0.95, 25), (0.89, 25)], start=28)) == []
    assert t.is_on


def test_one_window_that_rises_belongs_to_the_detection_if_the_next_does_not():
    t = trigger(hold_s=0)
    (new,) = feed(t, [*REST, *P, *coda(15, 12, p=0.6), (0.98, 22)])
    assert new.n_windows == 2
    # Whether the model takes the rise for an earthquake is known after two seconds at most.
    assert states(feed(t, [(0.1, 0)] * 4, start=26)) == []
    (end,) = feed(t, [(0.1, 0)], start=30)
    assert (end.off_ns, end.n_windows, end.peak_probability) == (window(25).end_ns, 6, 0.98)


def test_the_model_may_know_a_second_after_the_ground_rose_that_it_is_another_earthquake():
    late = [(0.1, 28), (0.3, 30), (0.95, 33), (0.95, 33)]
    changes = feed(trigger(), REST + P + coda(15, 5, 4, p=0.3) + late)
    assert states(changes) == [NEW, END, NEW]
    assert changes[1].reason == "retrigger"
    assert changes[2].first == window(len(REST + P) + 3 + 2, 33)


def test_a_rise_that_the_model_does_not_know_for_too_long_is_forgotten():
    late = [(0.1, 31)] * 8 + [(0.95, 31)] * 3
    assert END not in states(feed(trigger(), REST + P + coda(15, 5, 4, p=0.3) + late))


def test_s_belongs_to_the_detection_of_its_p():
    changes = feed(trigger(), REST + P + coda(*[16] * 12) + [(0.99, 32)] + [(0.99, 40)] * 4)
    assert states(changes) == [NEW, UPDATE]
    assert changes[-1].peak == window(35, 32)


UPRIGHT_P = [(0.95, 20, 4), (0.95, 30, 6), (0.95, 25, 5)]
FLAT = (0.3, 16, -4)


@pytest.mark.parametrize(
    ("vertical_db", "expected"),
    [(-5, [NEW, UPDATE]), (4, [NEW, UPDATE]), (4.1, [NEW, END, NEW]), (math.nan, [NEW, UPDATE])],
)
def test_stronger_shaking_as_upright_as_p_is_the_next_earthquake_and_else_may_be_s(vertical_db, expected):
    stream = [*REST, *UPRIGHT_P, *[FLAT] * 12, (0.99, 32, vertical_db), (0.99, 40, vertical_db)]
    assert states(feed(trigger(), [*stream, *[(0.99, 40, -6)] * 3])) == expected


def test_the_s_of_the_next_earthquake_does_not_take_its_p_back():
    late = [(0.3, 32, 6), (0.3, 36, -4), (0.99, 40, -6), (0.99, 40, -6)]
    changes = feed(trigger(), [*REST, *UPRIGHT_P, *[FLAT] * 12, *late])
    assert states(changes) == [NEW, END, NEW]
    assert changes[1].reason == "retrigger"


def test_p_that_grows_is_one_detection():
    grows = [(0.99, 34, 6), (0.99, 46, 7), (0.99, 50, 6)]
    assert states(feed(trigger(), [*REST, *UPRIGHT_P[1:], *grows])) == [NEW]
    assert states(feed(trigger(), [*REST, *UPRIGHT_P[1:], FLAT, *grows])) == [NEW, END, NEW]


def test_p_is_known_by_the_second_before_the_model_was_sure():
    before = [(0.5, 20, 6), (0.95, 28, -4), (0.95, 30, -4), *coda(*[22] * 12)]
    for vertical_db, n_detections in ((3.9, 1), (4.1, 2)):
        stream = [*REST, *before, *[(0.99, 45, vertical_db)] * 2]
        assert len(lives(feed(trigger(), stream))) == n_detections


def test_the_next_earthquake_has_a_beginning_of_its_own():
    stream = [*REST, *UPRIGHT_P, *[FLAT] * 4, *[(0.99, 40, 12)] * 2, *[(0.3, 30, -2)] * 6]
    assert states(feed(trigger(), [*stream, *[(0.99, 50, 6)] * 2])) == [NEW, END, NEW]
    assert states(feed(trigger(), [*stream, *[(0.99, 50, 10.1)] * 2])) == [NEW, END, NEW, END, NEW]


def test_it_stays_on_for_s_while_the_ground_between_is_not_at_rest():
    waiting, at_rest = trigger(), trigger()
    assert states(feed(waiting, REST + P + coda(*[11] * 40))) == [NEW]
    assert states(feed(at_rest, REST + P + coda(*[9] * 40))) == [NEW, END]
    (end,) = feed(waiting, coda(9), start=63)
    assert (end.reason, end.off_ns) == ("off", window(22).end_ns)


def test_stronger_shaking_too_late_for_s_is_the_next_earthquake():
    stream = REST + P + coda(*[16] * 20) + [(0.95, 40)] * 2
    assert states(feed(trigger(max_s_minus_p_s=11.5), stream)) == [NEW]
    assert states(feed(trigger(max_s_minus_p_s=10), stream)) == [NEW, END, NEW]


def test_stronger_shaking_after_the_ground_was_at_rest_is_the_next_earthquake():
    stream = REST + P + coda(8, 8) + [(0.99, 40)] * 2
    assert states(feed(trigger(), stream)) == [NEW, END, NEW]


def test_the_refractory_time_holds_for_a_rise_in_the_coda_as_well():
    stream = REST + P + coda(20, 18, 18) + [(0.95, 28)] * 2
    assert states(feed(trigger(refractory_s=2), stream)) == [NEW, END, NEW]
    assert states(feed(trigger(refractory_s=2.5), stream)) == [NEW]


def test_a_rise_that_data_do_not_let_finish_belongs_to_the_detection():
    stream = [*REST, *P, *coda(20, 18), (0.95, 28)]
    for end_with in (
        lambda t: t.close("shutdown"),
        lambda t: t.close_silent(),
        lambda t: t.expect(window(99).end_ns),
    ):
        t = trigger()
        feed(t, stream)
        (end,) = end_with(t)
        assert (end.off_ns, end.n_windows) == (window(25).end_ns, 4)


def test_windows_that_rise_but_are_not_consecutive_do_not_add_up():
    stream = [*REST, *P, *coda(20, 18), (0.95, 28), None, (0.95, 28)]
    assert states(feed(trigger(), stream)) == [NEW]
    assert states(feed(trigger(), [item for item in stream if item])) == [NEW, END, NEW]


def test_minutes_of_a_large_earthquake_with_many_bursts_is_one_detection():
    bursts = [(0.99, 60 + 4 * math.sin(i)) for i in range(200)]
    decay = [(0.95 if i % 7 < 4 else 0.3, 60 - i / 10) for i in range(300)]
    changes = feed(trigger(), [*REST, (0.95, 40), (0.95, 50), *bursts, *decay])
    assert len(lives(changes)) == 1


def test_every_aftershock_that_stands_out_of_the_coda_is_a_detection():
    mainshock = [(0.99, 90)] * 4
    aftershock = [(0.99, 75), (0.99, 78), (0.6, 70), *coda(66, 64, 63, 62, 61, 60)]
    changes = feed(trigger(), REST + mainshock + coda(*range(88, 58, -2), p=0.4) + aftershock * 5)
    assert len(lives(changes)) == 6


def test_the_classes_that_trigger_can_be_chosen():
    spec = ModelSpec(
        **{name: getattr(SPEC, name) for name in SPEC.__slots__}
        | {"classes": ("noise", "earthquake", "blast")}
    )
    rows = [(0.05, 0.05, 0.9)] * 3
    assert [c for i, row in enumerate(rows) for c in trigger(spec).receive(window(i), row)] == []
    t = trigger(spec, classes=("blast",))
    (new,) = [c for i, row in enumerate(rows) for c in t.receive(window(i), row)]
    assert (new.class_name, new.peak_probability) == ("blast", 0.9)
    assert dict(new.probabilities) == {"noise": 0.05, "earthquake": 0.05, "blast": 0.9}


PROBABILITIES = st.one_of(st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.9, 0.92, 0.99]), st.floats(0, 1))
LEVELS = st.one_of(st.just(math.nan), st.sampled_from([0, 5, 10, 20, 25, 30, 40, 60]), st.floats(-20, 120))
UPRIGHT = st.one_of(st.just(math.nan), st.floats(-20, 20))
SHAKEN = st.lists(st.one_of(st.none(), st.tuples(PROBABILITIES, LEVELS, UPRIGHT)), max_size=120)
STREAMS = st.lists(
    st.one_of(st.none(), st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.9, 0.92, 0.99]), st.floats(0, 1)),
    max_size=120,
)
SETTINGS = st.fixed_dictionaries(
    {
        "min_windows": st.integers(1, 4),
        "hold_s": st.sampled_from([0, 1, 3, 20]),
        "max_duration_s": st.sampled_from([5, 20, 300]),
        "max_s_minus_p_s": st.sampled_from([0, 5, 60]),
        "refractory_s": st.sampled_from([0, 5]),
        "confirm_windows": st.integers(1, 5),
        "update_interval_s": st.sampled_from([0, 1, 2]),
    }
)


@given(st.one_of(STREAMS, SHAKEN), SETTINGS)
def test_every_detection_begins_once_and_ends_once_before_the_next_begins(stream, settings):
    t = trigger(**settings)
    changes = feed(t, stream) + t.close("shutdown")
    assert not t.is_on
    off_ns = 0
    for detection_id_, group in itertools.groupby(changes, key=lambda c: c.id):
        life = list(group)
        assert [c.revision for c in life] == list(range(len(life)))
        assert life[0].state is NEW
        assert all(c.state is UPDATE for c in life[1:-1])
        assert life[-1].state in {END, RETRACT}
        assert life[0].first.end_ns > off_ns
        off_ns = life[-1].off_ns
        assert off_ns >= life[0].first.end_ns
        assert [c.id for c in changes].count(detection_id_) == len(life)
        peaks = [c.peak_probability for c in life]
        assert peaks == sorted(peaks)
        assert peaks[0] >= 0.9


@given(STREAMS, SETTINGS, st.integers(0, 2**32 - 1))
def test_the_last_bits_of_probabilities_do_not_decide(stream, settings, seed):
    noise = np.random.default_rng(seed).uniform(-1e-9, 1e-9, len(stream))
    exact = [None if p is None else round(p, 5) for p in stream]
    shaken = [None if p is None else p + e for p, e in zip(exact, noise, strict=True)]
    assert feed(trigger(**settings), exact) == feed(trigger(**settings), shaken)


@given(SHAKEN, SETTINGS)
def test_every_window_at_or_above_on_belongs_to_one_detection_at_most(stream, settings):
    changes = feed(t := trigger(**settings), stream) + t.close("shutdown")
    spans = [(life[0].first.end_ns, life[-1].off_ns, life[-1].n_windows) for life in lives(changes)]
    ends = [window(i).end_ns for i, item in enumerate(stream) if item is not None and item[0] >= 0.5]
    for on_ns, off_ns, n_windows in spans:
        assert n_windows == sum(on_ns <= end_ns <= off_ns for end_ns in ends)


@given(SHAKEN, SETTINGS, st.integers(-40, 40))
def test_the_gain_of_the_sensor_does_not_decide(stream, settings, gain_db):
    whole = [
        None if item is None or math.isnan(item[1]) else (item[0], round(item[1]), item[2]) for item in stream
    ]
    louder = [None if item is None else (item[0], item[1] + gain_db, item[2]) for item in whole]
    plain, loud = feed(trigger(**settings), whole), feed(trigger(**settings), louder)
    assert [(c.id, c.state, c.off_ns) for c in plain] == [(c.id, c.state, c.off_ns) for c in loud]


@given(SHAKEN, SETTINGS, st.integers(0, 60))
def test_what_is_decided_never_depends_on_what_comes_later(stream, settings, n):
    assert feed(trigger(**settings), stream)[: len(early := feed(trigger(**settings), stream[:n]))] == early


@given(
    before=st.one_of(STREAMS, SHAKEN),
    after=st.one_of(STREAMS, SHAKEN),
    n_missing=st.integers(11, 400),
    settings=SETTINGS,
)
def test_a_gap_leaves_the_same_behind_whether_the_silence_was_told_or_not(before, after, n_missing, settings):
    told, later = trigger(**settings), trigger(**settings)
    start = len(before) + n_missing
    expected = feed(later, before) + later.expect(window(start).end_ns) + feed(later, after, start=start)
    assert feed(told, before) + told.close_silent() + feed(told, after, start=start) == expected


@given(before=st.one_of(STREAMS, SHAKEN), after=st.one_of(STREAMS, SHAKEN), settings=SETTINGS)
def test_silence_without_a_gap_ends_nothing_twice(before, after, settings):
    t = trigger(**settings)
    changes = feed(t, before) + t.close_silent() + feed(t, after, start=len(before))
    for key in {c.id for c in changes}:
        life = [c for c in changes if c.id == key]
        assert [c.revision for c in life] == list(range(len(life)))
        assert [c.state for c in life if c.state in {END, RETRACT}] == [
            c.state for c in life[-1:] if c.state in {END, RETRACT}
        ]
