import tomllib

import numpy as np
import pytest
from evaluated import INSTRUMENT, SPEC, scored_windows

from quake_stream.config_sections import TriggerOverrides
from quake_stream.evaluation.matching import Arrival
from quake_stream.evaluation.points import RECALL_METRIC as METRIC
from quake_stream.evaluation.tuning import Known, as_toml, card_recall, tune

DAYS = 2
N = DAYS * 17_280  # a window every 5 s keeps two days small, and is no gap yet


def recording(peaks):
    """Two days in which the probability reaches each of these once, for six windows, one an hour."""
    p = np.full(N, 0.01)
    for number, peak in enumerate(peaks):
        p[720 * (number + 1) : 720 * (number + 1) + 6] = peak
    return {INSTRUMENT: scored_windows(p, hop_s=5.0)}


def known(**changes):
    return Known(**{"excluded": {}, "metrics": {}, **changes})


def tuned(peaks, per_day, **changes):
    (found,) = tune(recording(peaks), SPEC, per_day=per_day, hop_s=5.0, known=known(**changes))
    return found


def test_the_lowest_threshold_with_no_more_alarms_than_wished_is_found():
    found = tuned([0.6] * 10 + [0.8] * 4, per_day=2)
    assert found.days == pytest.approx(DAYS)
    assert (found.n_alarms, found.per_day) == (4, pytest.approx(2, rel=1e-3))
    assert 0.6 < found.threshold.on < 0.8
    assert found.per_day_95[0] < 2 < found.per_day_95[1]


def test_a_promise_that_the_recordings_are_too_short_for_is_refused():
    found = tuned([0.99], per_day=1)
    assert found.threshold is None
    assert found.days_needed == 3.0
    assert as_toml([found], model="m") == ""
    assert tuned([0.99], per_day=1.5).threshold is not None


def test_where_every_threshold_alarms_too_often_nothing_is_promised():
    found = tuned([1.0] * 40, per_day=2)
    assert (found.threshold, found.days_needed) == (None, None)


def test_events_are_no_false_alarms_and_say_what_the_thresholds_cost():
    windows = recording([0.95, 0.7])[INSTRUMENT].windows
    arrivals = [
        Arrival(station="XX.ST1", p_ns=windows[720 * i].start_ns, s_ns=None, quality=q, event=str(i))
        for i, q in ((1, "A"), (2, "B"))
    ]
    found = tuned([0.95, 0.7, *[0.8] * 5], per_day=2, arrivals=arrivals)
    assert found.recall_source == "events"
    assert found.threshold.on > 0.8
    assert (found.n_alarms, found.recall, found.recall_before) == (0, 0.5, 0.5)


def test_without_events_the_card_says_what_the_thresholds_cost():
    metrics = {f"{METRIC}0.5": 0.9, f"{METRIC}0.9": 0.7, "validation_auc": 0.99}
    found = tuned([0.6] * 10, per_day=2, metrics=metrics)
    assert (found.recall_source, found.recall, found.recall_before) == ("card", 0.7, 0.7)
    assert card_recall(metrics, 0.5) == 0.9
    assert card_recall(metrics, 0.95) is None
    assert tuned([0.6], per_day=2).recall_source == "unknown"


def test_spans_left_out_count_neither_as_days_nor_as_alarms():
    windows = recording([])[INSTRUMENT].windows
    spans = {"XX.ST1": [(windows[0].end_ns, windows[N // 4].end_ns)]}
    found = tuned([0.99] * 12, per_day=2, excluded=spans)
    assert found.days == pytest.approx(0.75 * DAYS, rel=1e-3)
    assert found.n_alarms == 0
    whole = {"XX.ST1": [(windows[0].end_ns, windows[-1].end_ns + 1)]}
    assert tune(recording([]), SPEC, per_day=2, hop_s=5.0, known=known(excluded=whole)) == []


def test_the_sections_are_what_the_configuration_takes():
    found = tuned([0.6] * 10, per_day=2)
    section = tomllib.loads(as_toml([found], model="lstm"))["stations"]["XX.ST1"]
    overrides = TriggerOverrides(**section)
    assert overrides.on == found.threshold.on
    assert overrides.off <= overrides.on
    assert overrides.min_windows == SPEC.min_windows
