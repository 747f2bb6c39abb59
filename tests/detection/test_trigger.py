"""Windows of 5.12 s every 0.5 s; a stream is a list of probabilities, None for a window that is missing."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.detection.trigger import Trigger, TriggerSettings, detection_id
from quake_stream.types import NS_PER_S, DetectionState, InstrumentId, ModelSpec, Window

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


def window(i):
    start_ns = i * NS_PER_S // 2
    return Window(
        instrument_id=ANMO,
        start_index=i * HOP,
        start_ns=start_ns,
        end_ns=start_ns + 5_120_000_000,
        components=("Z", "N", "E"),
        received_ns=start_ns + 6_000_000_000,
    )


def trigger(spec=SPEC, **settings):
    given_settings = {"on": 0.9, "off": 0.5, "min_windows": 2} | settings
    return Trigger(instrument_id=ANMO, spec=spec, hop_samples=HOP, settings=TriggerSettings(**given_settings))


def feed(t, stream, start=0):
    changes = []
    for i, p in enumerate(stream, start):
        if p is not None:
            changes += t.receive(window(i), (1 - p, p))
    return changes


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


STREAMS = st.lists(
    st.one_of(st.none(), st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.9, 0.92, 0.99]), st.floats(0, 1)),
    max_size=120,
)
SETTINGS = st.fixed_dictionaries(
    {
        "min_windows": st.integers(1, 4),
        "hold_s": st.sampled_from([0, 1, 3, 20]),
        "max_duration_s": st.sampled_from([5, 20, 300]),
        "refractory_s": st.sampled_from([0, 5]),
        "confirm_windows": st.integers(1, 5),
        "update_interval_s": st.sampled_from([0, 1, 2]),
    }
)


@given(STREAMS, SETTINGS)
def test_every_detection_begins_once_and_ends_once(stream, settings):
    t = trigger(**settings)
    changes = feed(t, stream) + t.close("shutdown")
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


@given(before=STREAMS, after=STREAMS, n_missing=st.integers(11, 400), settings=SETTINGS)
def test_a_gap_leaves_the_same_behind_whether_the_silence_was_told_or_not(before, after, n_missing, settings):
    told, later = trigger(**settings), trigger(**settings)
    start = len(before) + n_missing
    expected = feed(later, before) + later.expect(window(start).end_ns) + feed(later, after, start=start)
    assert feed(told, before) + told.close_silent() + feed(told, after, start=start) == expected


@given(before=STREAMS, after=STREAMS, settings=SETTINGS)
def test_silence_without_a_gap_ends_nothing_twice(before, after, settings):
    t = trigger(**settings)
    changes = feed(t, before) + t.close_silent() + feed(t, after, start=len(before))
    for key in {c.id for c in changes}:
        life = [c for c in changes if c.id == key]
        assert [c.revision for c in life] == list(range(len(life)))
        assert [c.state for c in life if c.state in {END, RETRACT}] == [
            c.state for c in life[-1:] if c.state in {END, RETRACT}
        ]
