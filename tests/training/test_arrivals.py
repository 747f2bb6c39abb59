import numpy as np
import pytest

from quake_stream.training.arrivals import is_p_misplaced

P = 2000


@pytest.fixture
def arrival(make_example):
    """Background with an event that rises at ``P``, marked ``off`` samples away."""

    def make(off, snr=10.0, **changes):
        example = make_example(p_index=P + off, noise=(0, P - 100), **changes)
        example.samples[:, P:] *= snr
        return example

    return make


@pytest.mark.parametrize("off", [-90, -40, 0, 40, 90])
def test_a_mark_within_a_second_stands(arrival, off):
    assert not is_p_misplaced(arrival(off))


@pytest.mark.parametrize("off", [-400, -150, 150, 400])
def test_a_mark_further_away_is_misplaced(arrival, off):
    assert is_p_misplaced(arrival(off))


def test_a_strong_s_moves_no_p(arrival):
    example = arrival(0, snr=4.0, s_index=P + 200)
    example.samples[:, P + 200 :] *= 20
    assert not is_p_misplaced(example)


def test_one_component_is_enough(arrival):
    example = arrival(-300)
    example.samples[1:] = 0
    assert is_p_misplaced(example)


def test_a_mark_without_recording_around_it_is_not_judged(arrival, make_example):
    assert not is_p_misplaced(make_example(p_index=100))
    assert not is_p_misplaced(make_example(p_index=3990))
    assert not is_p_misplaced(make_example())


def test_silence_before_the_event_is_no_obstacle(arrival):
    example = arrival(0)
    example.samples[:, :P] = 0
    assert not is_p_misplaced(example)
    assert np.isfinite(example.samples).all()
