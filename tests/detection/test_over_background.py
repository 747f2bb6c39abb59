"""Golden values of spectra over a background, in bins and in bands."""

import math

import numpy as np
import pytest
from spectral import SQUARE, window

from quake_stream.detection.over_background import (
    FLOOR_NP,
    SCALE,
    bands_over_background,
    bins_over_background,
    n_bands,
)
from quake_stream.detection.spectra import log_spectrum


def test_over_background_golden():
    background = np.zeros((1, 5, 1), dtype=np.float32)  # amplitude 1 in every bin: level 0, floor -60 dB
    features = bins_over_background(window(SQUARE), background)
    low = -SCALE * FLOOR_NP
    expected = [low, low, SCALE * math.log(4 * math.sqrt(2)), low, low]
    np.testing.assert_allclose(features[0, :, 0], expected, rtol=1e-5)


def test_over_background_the_level_is_the_mean_amplitude():
    background = np.log(np.array([[[1e-9], [1], [10], [1e-9], [1e-9]]], dtype=np.float32))
    features = bins_over_background(window(SQUARE), background)[0, :, 0]
    floor = math.log(11 / 5) - FLOOR_NP
    expected = [0, SCALE * floor, SCALE * math.log(4 * math.sqrt(2) / 10), 0, 0]
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)


def test_over_background_of_the_same_spectrum_is_zero():
    samples = np.random.default_rng(4).normal(size=(3, 512, 3)).astype(np.float32)
    features = bins_over_background(samples, log_spectrum(samples))
    np.testing.assert_allclose(features, 0, atol=1e-6)


def test_over_background_does_not_depend_on_the_gain_of_the_instrument():
    rng = np.random.default_rng(5)
    samples, before = rng.normal(size=(2, 3, 512, 3)).astype(np.float32)
    quiet = bins_over_background(samples, log_spectrum(before))
    loud = bins_over_background(samples * 4096, log_spectrum(before * 4096))
    np.testing.assert_allclose(quiet, loud, atol=1e-5)


def test_over_background_noise_and_signal_are_of_order_one():
    rng = np.random.default_rng(6)
    before = np.stack([log_spectrum(rng.normal(size=(50, 512, 3)).astype(np.float32)) for _ in range(4)])
    noise = rng.normal(size=(50, 512, 3)).astype(np.float32)
    background = before.mean(axis=0, dtype=np.float32)
    assert 0.2 < bins_over_background(noise, background).std() < 0.6
    assert 1 < bins_over_background(noise * 100, background).mean() < 3


def test_bands_of_the_whole_window_are_means_of_four_bins():
    samples, before = np.random.default_rng(7).normal(size=(2, 3, 512, 3)).astype(np.float32)
    background = log_spectrum(before)
    bins = bins_over_background(samples, background)[:, 1:]
    bands = bands_over_background(samples, background)[:, :, :3]
    assert bands.shape == (3, n_bands(512), 3) == (3, 64, 3)
    np.testing.assert_allclose(bands, bins.reshape(3, 64, 4, 3).mean(axis=2), atol=1e-6)


def test_bands_of_parts_golden():
    # Of 64 samples a quarter has 16; a wave in the first half of the third one, tapered with its energy kept.
    samples = np.zeros((1, 64, 1), dtype=np.float32)
    samples[0, 34:38, 0] = 1, -1, 1, -1
    features = bands_over_background(samples, np.zeros((1, 33, 1), dtype=np.float32))[0].T
    assert features.shape == (29, 8)
    taper = np.hanning(16)
    quarter = (samples[0, 32:48, 0] - samples[0, 32:48, 0].mean()) * taper * math.sqrt(16 / (taper**2).sum())
    # Noise of a quarter of the duration has half the amplitude.
    expected = SCALE * np.log(2 * np.abs(np.fft.rfft(quarter))[1:])
    np.testing.assert_allclose(features[3], expected, rtol=1e-5)
    # An eighth has eight samples and a bin in every two bands, a sixteenth four samples and one in every four.
    eighth, sixteenth = features[5 + 4], features[13 + 8]
    assert (eighth[::2] == eighth[1::2]).all()
    assert len(set(eighth.tolist())) == 4
    assert [len(set(part.tolist())) for part in (sixteenth[:4], sixteenth[4:])] == [1, 1]
    is_loud = (features > -SCALE * FLOOR_NP).any(axis=1)
    assert np.flatnonzero(is_loud).tolist() == [0, 3, 9, 21, 22]


def test_bands_come_view_after_view():
    samples = np.random.default_rng(8).normal(size=(2, 512, 3)).astype(np.float32)
    samples[:, 384:] *= 1000
    background = np.full((2, 257, 3), math.log(16), dtype=np.float32)
    rise = bands_over_background(samples, background).mean(axis=(0, 1)).reshape(29, 3)
    has_risen = (rise > 2).all(axis=1)
    assert np.flatnonzero(has_risen).tolist() == [0, 4, 11, 12, 25, 26, 27, 28]
    assert (np.abs(rise[~has_risen]) < 0.5).all()


def test_bands_of_noise_stay_near_zero_in_every_view():
    rng = np.random.default_rng(9)
    samples = rng.normal(size=(100, 512, 1)).astype(np.float32)
    frames = np.stack([log_spectrum(rng.normal(size=(100, 512, 1)).astype(np.float32)) for _ in range(4)])
    views = bands_over_background(samples, frames.mean(axis=0)).mean(axis=(0, 1))
    assert np.abs(views).max() < 0.1


def test_windows_too_short_for_bands_are_refused():
    with pytest.raises(ValueError, match="at least 64 samples, not 62"):
        n_bands(62)
