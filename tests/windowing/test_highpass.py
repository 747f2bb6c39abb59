import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy import signal

from quake_stream.windowing.highpass import HighPass


@pytest.fixture(scope="module")
def highpass():
    return HighPass(1.0, 100.0)


@pytest.fixture(scope="module")
def noise():
    return (np.random.default_rng(1).normal(size=4000) * 1e5 + 1e6).astype(np.float32)


@pytest.mark.parametrize(("corner_hz", "rate_hz"), [(1.0, 100.0), (0.5, 100.0), (2.0, 50.0), (1.0, 31.25)])
def test_it_equals_the_recursive_butterworth_filter(corner_hz, rate_hz):
    highpass = HighPass(corner_hz, rate_hz)
    samples = np.random.default_rng(0).normal(size=3000)
    recursive = signal.lfilter(*signal.butter(2, corner_hz, "highpass", fs=rate_hz), samples)
    np.testing.assert_allclose(highpass.apply(samples), recursive[highpass.n_taps - 1 :], atol=1e-6)


def test_it_remembers_less_than_five_seconds_at_one_hertz(highpass):
    assert 4.5 < highpass.n_taps / 100 < 5.0


@pytest.mark.parametrize("offset", [1.0, -12345.0, 8_388_607.0, 1e9])
def test_a_constant_offset_vanishes_exactly(highpass, offset):
    assert not highpass.apply(np.full(1000, offset, np.float32)).any()


def test_nothing_before_the_span_of_the_taps_matters(highpass, noise):
    changed = noise.copy()
    changed[:1000] = 7e6
    n = highpass.n_taps - 1
    np.testing.assert_array_equal(highpass.apply(changed)[1000:], highpass.apply(noise)[1000:])
    assert (highpass.apply(changed)[1000 - n : 1000] != highpass.apply(noise)[1000 - n : 1000]).any()


def test_an_impulse_has_no_effect_before_it(highpass):
    samples = np.zeros(2000, np.float32)
    samples[1000] = 1
    filtered = highpass.apply(samples)
    first = 1000 - (highpass.n_taps - 1)
    assert not filtered[:first].any()
    assert filtered[first] > 0.9


@pytest.mark.parametrize("missing", [0, 1, 100])
def test_too_few_samples_give_none(highpass, missing):
    assert highpass.apply(np.ones((2, highpass.n_taps - 1 - missing), np.float32)).shape == (2, 0)


def test_leading_axes_are_independent_traces(highpass, noise):
    batch = np.stack([noise[:2000], noise[2000:]]).reshape(1, 2, 2000)
    filtered = highpass.apply(batch)
    assert filtered.dtype == np.float32
    for row in range(2):
        assert filtered[0, row].tobytes() == highpass.apply(batch[0, row]).tobytes()


@settings(max_examples=60, deadline=None)
@given(start=st.integers(0, 2500), n=st.integers(1, 900), offset=st.integers(0, 15))
def test_a_sample_has_the_same_bits_however_the_trace_is_cut(highpass, noise, start, n, offset):
    # The offset moves the data against every alignment that a vector unit knows.
    n_in = n + highpass.n_taps - 1
    piece = np.empty(n_in + 16, np.float32)[offset : offset + n_in]
    piece[:] = noise[start : start + n_in]
    whole = highpass.apply(noise)
    assert highpass.apply(piece).tobytes() == whole[start : start + n].tobytes()


@pytest.mark.parametrize("corner_hz", [0.0, -1.0, 50.0, 60.0, float("nan")])
def test_a_corner_outside_the_band_is_refused(corner_hz):
    with pytest.raises(ValueError, match="does not fit 100"):
        HighPass(corner_hz, 100.0)
