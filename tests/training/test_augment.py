import dataclasses

import numpy as np
import pytest

from quake_stream.detection.features import get_transform
from quake_stream.training import augment
from quake_stream.training.augment import augment_earthquake, augment_noise
from quake_stream.training.cuts import N_CUT, N_MEMORY, N_SHORTEST_MEMORY, cut_at, features_of


@pytest.fixture
def cuts(make_example):
    """Make an earthquake cut with P at 1500, one of background, and one with a short memory."""
    quake = make_example()
    quake.samples[:, 1500:] *= 100
    rng = np.random.default_rng(3)
    return (
        cut_at(quake, N_MEMORY, rng),
        cut_at(make_example(seed=2), 2000, rng),
        cut_at(make_example(seed=3), N_SHORTEST_MEMORY, rng),
    )


def test_whatever_is_drawn_gives_features_that_can_be_used(cuts):
    quake, noise, short = cuts
    transform = get_transform("rfft-over-background/1")
    rng = np.random.default_rng(0)
    varied = [augment_earthquake(quake, other, 1500, rng) for other in (noise, short) * 30]
    varied += [augment_noise(cut, other, rng) for cut, other in ((noise, short), (short, noise)) * 60]
    assert np.isfinite(features_of(varied, transform)).all()
    assert all(not cut.samples[:, : cut.n_missing].any() for cut in varied)


def test_the_same_seed_gives_the_same_and_leaves_the_original_alone(cuts):
    quake, noise, _ = cuts
    before = quake.samples.copy()
    first, second = (augment_earthquake(quake, noise, 1500, np.random.default_rng(8)) for _ in range(2))
    assert np.array_equal(first.samples, second.samples)
    assert np.array_equal(quake.samples, before)


def test_added_background_leaves_the_earthquake_above_it(cuts):
    quake, noise, _ = cuts
    for seed in range(30):
        added = augment._add_at_snr(quake.samples, noise.samples, 1500, np.random.default_rng(seed))
        ratio = added[:, 1500:1700].std() / added[:, :1500].std()
        assert 20 * np.log10(ratio) > augment.LOWEST_SNR_DB - 1


def test_components_that_are_absent_stay_absent(cuts):
    quake, noise, _ = cuts
    lone = dataclasses.replace(quake, samples=quake.samples * np.array([[1], [0], [0]], np.float32))
    for seed in range(60):
        rng = np.random.default_rng(seed)
        assert not augment_earthquake(lone, noise, 1500, rng).samples[1:].any()
        assert not augment_noise(lone, noise, rng).samples[1:].any()


def test_rotation_keeps_the_horizontal_energy_and_the_vertical(cuts, monkeypatch):
    for name, value in {"P_ROTATE": 1.0, "P_VERTICAL_ONLY": 0.0, "P_DEAD": 0.0}.items():
        monkeypatch.setattr(augment, name, value)
    samples = cuts[0].samples
    rotated = augment._orient(samples, np.random.default_rng(0))
    assert np.array_equal(rotated[0], samples[0])
    assert np.allclose((rotated[1:] ** 2).sum(axis=0), (samples[1:] ** 2).sum(axis=0), rtol=1e-4)
    assert not np.allclose(rotated[1], samples[1])


def test_a_dropout_is_silent_from_its_start(cuts):
    dropped = augment._drop_out(cuts[1].samples, np.random.default_rng(0))
    silent = np.flatnonzero(~dropped.any(axis=0))
    assert silent[0] >= N_MEMORY
    assert np.array_equal(dropped[:, : silent[0] - 1], cuts[1].samples[:, : silent[0] - 1])
    assert dropped.shape == (3, N_CUT)
