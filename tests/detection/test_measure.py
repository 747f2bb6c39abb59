import numpy as np
import pytest

from quake_stream.detection.measure import peak_amplitude, snr_db


def test_the_amplitude_is_the_largest_distance_from_the_mean_over_all_components():
    samples = np.array([[100, 0], [100, 5], [103, -5], [97, 0]], np.float32)
    assert peak_amplitude(samples) == 5


def test_an_offset_is_no_amplitude():
    samples = np.array([[8_000_000], [8_000_002]], np.float32)
    assert peak_amplitude(samples) == 1


def test_ten_times_the_noise_is_20_db():
    samples = np.tile(np.array([1, -1], np.float32), 100)
    samples[120:] *= 10
    assert snr_db(samples, 120.2, min_samples=10) == pytest.approx(20)


def test_no_ratio_without_enough_samples_on_both_sides():
    samples = np.ones(100, np.float32)
    assert snr_db(samples, 9.0, min_samples=10) is None
    assert snr_db(samples, 91.0, min_samples=10) is None
    assert snr_db(samples, 90.0, min_samples=10) == 0


def test_silence_has_no_ratio():
    samples = np.zeros(100, np.float32)
    assert snr_db(samples, 50.0, min_samples=10) is None
    samples[50:] = 1
    assert snr_db(samples, 50.0, min_samples=10) is None
    assert snr_db(samples[::-1], 50.0, min_samples=10) is None
