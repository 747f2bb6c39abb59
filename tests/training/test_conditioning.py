import numpy as np
import pytest

from quake_stream.training.conditioning import (
    N_SETTLE,
    at_model_rate,
    band_limit,
    highpass,
    is_same_rate,
)
from quake_stream.windowing.highpass import HighPass


def test_the_filter_is_the_service_s_once_it_has_settled():
    samples = np.random.default_rng(0).standard_normal((3, 2000)).cumsum(axis=1).astype(np.float32)
    service = HighPass(1.0, 100.0)
    ours = highpass(samples)
    assert np.array_equal(ours[:, service.n_taps - 1 - N_SETTLE :], service.apply(samples))


def test_an_offset_leaves_nothing_not_even_at_the_start():
    assert np.array_equal(highpass(np.full((1, 800), 123456.0)), np.zeros((1, 800 - N_SETTLE)))


def test_too_short_a_recording_leaves_nothing():
    assert highpass(np.ones((3, 10))).shape == (3, 0)


@pytest.mark.parametrize("rate_hz", [31.25, 40.0, 200.0, 250.0, 500.0])
def test_resampled_times_are_kept(rate_hz):
    n = round(60 * rate_hz)
    resampled, lost = at_model_rate(np.sin(2 * np.pi * 2 * np.arange(n) / rate_hz), rate_hz)
    times = (np.arange(len(resampled)) + lost) / 100
    assert len(resampled) > 5800
    assert np.abs(resampled - np.sin(2 * np.pi * 2 * times)).max() < 0.01


def test_the_model_s_own_rate_passes_unchanged():
    samples = np.arange(500.0)
    resampled, lost = at_model_rate(samples, 99.998)
    assert lost == 0
    assert np.array_equal(resampled, samples)
    assert is_same_rate(99.998, 100.0)
    assert not is_same_rate(99.0, 100.0)


def test_what_a_slow_digitizer_cannot_record_is_silenced():
    white = np.random.default_rng(0).standard_normal((1, 8192)).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(band_limit(white, 40.0)[0, 500:]))
    frequency = np.linspace(0, 50, len(spectrum))
    assert spectrum[frequency > 22].mean() < 0.01 * spectrum[(frequency > 5) & (frequency < 15)].mean()
    assert band_limit(white, 100.0) is white
