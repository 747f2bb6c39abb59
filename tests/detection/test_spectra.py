"""Golden values of log spectra, and that batches change no bit."""

import math

import numpy as np
import pytest
from spectral import SQUARE, naive_amplitude, window

from quake_stream.detection.spectra import log_spectrum, n_spectrum_bins


def test_log_spectrum_golden():
    tiny = math.log(1e-30)
    spectrum = log_spectrum(window(SQUARE * 10 + 1000))[0, :, 0]
    assert spectrum[0] == np.float32(tiny)
    assert spectrum[2] == pytest.approx(math.log(40 * math.sqrt(2)), rel=1e-6)


def test_log_spectrum_is_the_dft_as_defined():
    samples = np.random.default_rng(3).normal(scale=50, size=(2, 16, 3)).astype(np.float32)
    spectrum = log_spectrum(samples)
    assert spectrum.shape == (2, 9, 3)
    expected = np.log(naive_amplitude(samples[1, :, 2])[1:])
    np.testing.assert_allclose(spectrum[1, 1:, 2], expected, rtol=1e-5, atol=1e-5)


def test_log_spectrum_of_silence_is_finite():
    assert np.isfinite(log_spectrum(np.zeros((1, 512, 3), dtype=np.float32))).all()


def test_log_spectrum_has_the_same_bits_alone_and_in_any_batch():
    samples = np.random.default_rng(8).normal(scale=1e5, size=(37, 512, 3)).astype(np.float32)
    together = log_spectrum(samples)
    for row, spectrum in zip(samples, together, strict=True):
        assert log_spectrum(row).tobytes() == spectrum.tobytes()
        assert log_spectrum(row[:, :1]).tobytes() == np.ascontiguousarray(spectrum[:, :1]).tobytes()


@pytest.mark.parametrize("n_samples", [0, 2, 511])
def test_a_window_without_a_nyquist_bin_has_no_spectrum(n_samples):
    with pytest.raises(ValueError, match=f"even number of samples from 4 on, not {n_samples}"):
        n_spectrum_bins(n_samples)
