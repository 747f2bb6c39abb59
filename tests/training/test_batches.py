import numpy as np
import pytest

from quake_stream.detection.features import get_transform
from quake_stream.training.batches import NOISE, BatchMaker, HardWindow, validation_windows
from quake_stream.training.cuts import N_SHORTEST_MEMORY, N_WINDOW

EARTHQUAKE = 1  # its index among the classes
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


def test_recordings_at_other_speeds_keep_the_halves_of_a_batch(examples):
    changed = maker(examples, stretched_share=1.0)
    features, labels = changed(0)
    assert np.isfinite(features).all()
    assert features[labels == EARTHQUAKE].mean() > features[labels == NOISE].mean() + 0.2
    assert np.array_equal(features, maker(examples, stretched_share=1.0)(0)[0])
    assert not np.array_equal(features, maker(examples)(0)[0])


def test_a_recording_too_short_for_another_speed_is_shown_as_it_is(make_example):
    # Just the shortest memory and one window: at 1.5 times the speed not even that would be left.
    brief = make_example(n=N_SHORTEST_MEMORY + N_WINDOW)
    quake = make_example(
        p_index=N_SHORTEST_MEMORY + N_WINDOW, n=2 * N_WINDOW + N_SHORTEST_MEMORY, noise=(0, 0)
    )
    features, _ = maker([brief, quake], stretched_share=1.0, batch_size=40)(0)
    assert np.isfinite(features).all()


def test_earthquakes_in_coda_have_other_earthquakes_in_their_background(make_example):
    # Loud for three seconds, then quiet again: coda for later ones, and late coda for the background.
    quakes = [
        make_example(p_index=2500, s_index=2600, n=5000, noise=(0, 2400), seed=i, station=f"XX.{i}")
        for i in range(3)
    ]
    for quake in quakes:
        quake.samples[:, 2500:2800] *= 300
    changed = maker(quakes, coda_share=1.0, batch_size=60)
    features, labels = changed(0)
    assert np.isfinite(features).all()
    plain, _ = maker(quakes, batch_size=60)(0)
    is_quake = labels == EARTHQUAKE
    # A louder one in the background leaves less of the rise, and in late coda everything falls.
    assert features[is_quake].mean() < plain[is_quake].mean() - 0.2
    assert features[~is_quake].mean(axis=(1, 2)).min() < plain[~is_quake].mean(axis=(1, 2)).min() - 0.2
    assert np.array_equal(features, maker(quakes, coda_share=1.0, batch_size=60)(0)[0])


def test_where_no_s_is_known_no_background_is_late_coda(examples):
    features, labels = maker(examples, coda_share=1.0)(0)
    assert np.isfinite(features).all()
    assert features[labels == EARTHQUAKE].mean() > features[labels == NOISE].mean() + 0.2


@pytest.mark.parametrize("what", ["earthquake", "background"])
def test_a_set_that_lacks_a_class_is_refused(make_example, what):
    only = make_example() if what == "earthquake" else make_example(p_index=2000, noise=(0, 0))
    with pytest.raises(ValueError, match=f"no {what}"):
        maker([only])


@pytest.fixture
def with_blasts(examples, make_example):
    blasts = [make_example(p_index=2000, noise=(0, 1900), seed=i, label="blast") for i in (20, 21)]
    for blast in blasts:
        blast.samples[:, 2000:] *= 1e5
    return [*examples, *blasts]


def test_classes_of_events_share_their_half_of_a_batch(with_blasts):
    features, labels = maker(with_blasts, classes=("noise", "earthquake", "blast"))(0)
    assert np.bincount(labels).tolist() == [6, 3, 3]
    assert features[labels == 2].mean() > features[labels == 1].mean() + 1


def test_events_of_other_classes_are_shown_as_nothing(with_blasts):
    features, labels = maker(with_blasts, batch_size=60)(0)
    assert np.bincount(labels).tolist() == [30, 30]
    assert features.mean(axis=(1, 2)).max() < 4
    windows = validation_windows(with_blasts, TRANSFORM, seed=0)
    assert with_blasts[4].label == with_blasts[5].label == "blast"
    assert not set(windows.examples[windows.labels > 0].tolist()) & {4, 5}


def test_validation_windows_of_each_class_carry_its_index(with_blasts):
    windows = validation_windows(with_blasts, TRANSFORM, seed=0, classes=("noise", "blast", "earthquake"))
    assert set(windows.examples[windows.labels == 1].tolist()) == {4, 5}
    assert set(windows.examples[windows.labels == 2].tolist()) == {0, 1, 2}


def test_a_validation_set_that_lacks_a_class_is_refused(examples):
    with pytest.raises(ValueError, match="no window of blast"):
        validation_windows(examples, TRANSFORM, seed=0, classes=("noise", "earthquake", "blast"))


def test_validation_windows_are_the_same_every_time_and_limited_per_station(examples):
    first = validation_windows(examples, TRANSFORM, seed=0, noise_per_station=4)
    second = validation_windows(examples, TRANSFORM, seed=0, noise_per_station=4)
    assert np.array_equal(first.features, second.features)
    assert (first.labels == EARTHQUAKE).sum() == 15
    noise_examples = first.examples[first.labels == NOISE]
    assert np.bincount(noise_examples).tolist() == [4, 4, 4, 4]
    assert np.isfinite(first.features).all()
