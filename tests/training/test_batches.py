import numpy as np
import pytest

from quake_stream.detection.features import get_transform
from quake_stream.training.batches import EARTHQUAKE, NOISE, BatchMaker, HardWindow, validation_windows

TRANSFORM = get_transform("rfft-over-background/1")


@pytest.fixture
def examples(make_example):
    quakes = [make_example(p_index=2000, noise=(0, 1900), seed=i, station=f"XX.{i}") for i in range(3)]
    for quake in quakes:
        quake.samples[:, 2000:] *= 30
    return [*quakes, make_example(seed=9, n=20_000)]


def maker(examples, **changes):
    return BatchMaker(examples, **{"transform": TRANSFORM, "batch_size": 12, "seed": 1, **changes})


def test_a_batch_depends_on_seed_and_number_only(examples):
    first, second = maker(examples), maker(examples)
    first(0)
    assert np.array_equal(first(7)[0], second(7)[0])
    assert not np.array_equal(first(7)[0], first(8)[0])
    assert not np.array_equal(first(7)[0], maker(examples, seed=2)(7)[0])


def test_half_of_a_batch_are_earthquakes(examples):
    features, labels = maker(examples)(0)
    assert features.shape == (12, 257, 3)
    assert features.dtype == np.float32
    assert (labels == EARTHQUAKE).sum() == (labels == NOISE).sum() == 6
    assert features[labels == EARTHQUAKE].mean() > features[labels == NOISE].mean() + 0.2


def test_hard_windows_are_shown_more_often(make_example):
    quake = make_example(p_index=2000, noise=(0, 0))
    quiet, loud = make_example(n=200_000, seed=4), make_example(n=20_000, seed=5, station="XX.L", dataset="l")
    loud.samples[:, 10_000:10_100] *= 1e6
    hard = [HardWindow(example=2, start=9800)]

    def n_loud(**changes):
        make = maker([quake, quiet, loud], batch_size=100, **changes)
        features, labels = make(0)
        return int((features[labels == NOISE].mean(axis=(1, 2)) > 4).sum())

    assert n_loud(hard=hard) >= n_loud() + 5


@pytest.mark.parametrize("what", ["earthquake", "background"])
def test_a_set_that_lacks_a_class_is_refused(make_example, what):
    only = make_example() if what == "earthquake" else make_example(p_index=2000, noise=(0, 0))
    with pytest.raises(ValueError, match=f"no {what}"):
        maker([only])


def test_validation_windows_are_the_same_every_time_and_limited_per_station(examples):
    first = validation_windows(examples, TRANSFORM, seed=0, noise_per_station=4)
    second = validation_windows(examples, TRANSFORM, seed=0, noise_per_station=4)
    assert np.array_equal(first.features, second.features)
    assert (first.labels == EARTHQUAKE).sum() == 9
    noise_examples = first.examples[first.labels == NOISE]
    assert np.bincount(noise_examples).tolist() == [4, 4, 4, 4]
    assert np.isfinite(first.features).all()
