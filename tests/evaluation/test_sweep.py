from pathlib import Path

import numpy as np
import pytest
from evaluated import DAY, INSTRUMENT, SPEC, scored_windows

from quake_stream.evaluation.matching import Arrival
from quake_stream.evaluation.sets import RecordingSet
from quake_stream.evaluation.stalta import Ratio
from quake_stream.evaluation.sweep import (
    MODEL_ON,
    hours_outside,
    is_held_out,
    model_thresholds,
    settings_of,
    stalta_thresholds,
    sweep_model,
    sweep_stalta,
)
from quake_stream.types import NS_PER_S


def a_set(*, arrivals=(), excluded=None):
    return RecordingSet(
        folder=Path("somewhere"),
        arrivals=tuple(arrivals),
        excluded=excluded or {},
        measures_recall=bool(arrivals),
        measures_false_alarms=True,
    )


def test_thresholds_rise_and_off_keeps_the_proportion_of_the_card():
    thresholds = model_thresholds(SPEC, 3)
    assert [t.on for t in thresholds] == sorted(set(MODEL_ON))
    assert all(t.off / t.on == pytest.approx(SPEC.off / SPEC.on) for t in thresholds)
    assert settings_of(thresholds[0]).min_windows == 3
    assert all(t.off == 0.5 * t.on for t in stalta_thresholds(0.5))


def test_every_threshold_has_its_outcome():
    p = np.full(600, 0.01)
    p[100:110], p[300:310] = 0.95, 0.7
    part = scored_windows(p)
    arrival = Arrival(station="XX.ST1", p_ns=part.windows[100].start_ns, s_ns=None, quality="A")
    swept = sweep_model(
        a_set(arrivals=[arrival]), {INSTRUMENT: part}, SPEC, model_thresholds(SPEC, 2), hop_s=0.5
    )
    by_on = dict(zip(MODEL_ON, swept.outcomes, strict=True))
    low, high = (next(o for on, o in by_on.items() if on > least) for least in (0.5, 0.75))
    assert (low.recall("A"), len(low.false_alarms)) == (1.0, 1)
    assert (high.recall("A"), len(high.false_alarms)) == (1.0, 0)
    assert by_on[MODEL_ON[-1]].recall("A") == 0.0
    assert swept.hours == {"XX.ST1": pytest.approx(300 / 3600)}
    assert swept.curves[0].probability.max() == pytest.approx(0.95)


def test_excluded_spans_take_alarms_and_hours_away():
    p = np.full(600, 0.01)
    p[300:310] = 0.95
    part = scored_windows(p)
    span = (part.windows[200].end_ns, part.windows[400].end_ns)
    assert hours_outside(part, [span], 0.5) == pytest.approx(200 / 3600)
    swept = sweep_model(
        a_set(excluded={"XX.ST1": [span]}),
        {INSTRUMENT: part},
        SPEC,
        model_thresholds(SPEC, 1)[:1],
        hop_s=0.5,
    )
    assert swept.outcomes[0].n_detections == 0


def test_sta_lta_has_hours_of_its_own():
    values = np.zeros(3600)
    values[1000:1100] = 20
    ratio = Ratio(instrument_id=INSTRUMENT, start_ns=DAY.ns, rate_hz=1.0, values=values)
    span = (DAY.ns + 1800 * NS_PER_S, DAY.ns + 3600 * NS_PER_S)
    swept = sweep_stalta(a_set(excluded={"XX.ST1": [span]}), [ratio], stalta_thresholds(0.5))
    assert swept.hours == {"XX.ST1": pytest.approx(1790 / 3600)}
    assert len(swept.outcomes[0].false_alarms) == 1
    assert len(swept.outcomes[-1].false_alarms) == 0


def test_sets_with_events_are_held_out_whole_and_noise_by_station():
    arrival = Arrival(station="XX.ST1", p_ns=0, s_ns=None, quality="D")
    assert is_held_out(a_set(arrivals=[arrival]), "XX.ST1")
    assert not is_held_out(a_set(), "XX.ST1")
    assert is_held_out(a_set(), "XX.V1")
