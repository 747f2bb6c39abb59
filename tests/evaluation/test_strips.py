import pytest
from evaluated import LevelModel

from quake_stream.evaluation.scoring import score_recordings
from quake_stream.evaluation.sets import open_sets
from quake_stream.evaluation.strips import draw_false_alarms, draw_misses
from quake_stream.evaluation.sweep import Sweep, model_thresholds, sweep_model


@pytest.fixture
def sweep(event_set):
    model = LevelModel()
    (recordings,) = open_sets([event_set], [event_set])
    (scored,) = score_recordings([model], [recordings.recordings], hop_s=0.5)
    thresholds = model_thresholds(model.spec, 2)
    part = sweep_model(recordings, scored, model.spec, thresholds, 0.5)
    return Sweep(label="m", family="level", thresholds=thresholds, sets=(part,))


def test_a_false_alarm_is_shown_with_its_seismogram_and_probability(sweep):
    index = next(i for i, t in enumerate(sweep.thresholds) if t.on > 0.5)
    figure = draw_false_alarms(sweep, index)
    seismogram, over = figure.axes[0], figure.axes[-1]
    assert "XX.ST1" in seismogram.get_title()
    assert "00:01:5" in seismogram.get_title()  # the burst at 120 s; its first window began before
    assert len(seismogram.lines[0].get_xdata()) == 4501
    assert max(over.lines[0].get_ydata()) > 0.9


def test_what_was_found_is_no_miss(sweep):
    assert draw_misses(sweep, 0) is None
    last = len(sweep.thresholds) - 1
    missed = draw_misses(sweep, last)
    if sweep.sets[0].outcomes[last].recall("A") == 0:
        assert "SNR 20" in missed.axes[0].get_title()
    else:
        assert missed is None


def test_no_false_alarm_is_no_picture(sweep):
    quiet = Sweep(label="m", family="level", thresholds=sweep.thresholds, sets=())
    assert draw_false_alarms(quiet, 0) is None
