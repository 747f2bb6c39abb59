import numpy as np
import pytest

from quake_stream.training import artefacts
from quake_stream.training.artefacts import draw_artefact


def test_every_kind_is_drawn_finite_and_of_peak_one():
    for seed in range(200):
        wave = draw_artefact(np.random.default_rng(seed), 1792, 1700)
        assert wave.shape == (3, 1792)
        assert np.abs(wave).max() == pytest.approx(1.0)


def test_the_same_seed_draws_the_same():
    first, second = (draw_artefact(np.random.default_rng(5), 1792, 1700) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("make", [artefacts.spike, artefacts.step, artefacts.glitch, artefacts.tone])
def test_what_begins_abruptly_is_silent_before(make):
    for seed in range(20):
        wave = make(np.random.default_rng(seed), 1000, 600)
        assert not wave[:, :600].any()
        assert wave[:, 600:].any()


def test_a_spike_is_over_within_three_samples():
    wave = artefacts.spike(np.random.default_rng(0), 1000, 600)
    assert not wave[:, 603:].any()


def test_some_disturbances_hit_one_component_and_some_all():
    n_hit = {int(artefacts.step(np.random.default_rng(s), 900, 500).any(axis=1).sum()) for s in range(40)}
    assert n_hit == {1, 3}
