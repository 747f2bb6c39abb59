"""Golden values of every feature transform, and what all of them promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spectral import SQUARE, naive_amplitude, window

from quake_stream.detection.features import TRANSFORMS, get_transform, zscore
from quake_stream.detection.spectra import n_spectrum_bins


def test_zscore_of_small_integers_is_exact():
    expected = np.array([-3, -1, 1, 3]) / math.sqrt(5)
    np.testing.assert_allclose(zscore(window([2, 4, 6, 8]))[0, :, 0], expected, rtol=1e-7)


@pytest.mark.parametrize("value", [0.0, 7.0, -123456.0, 1e30, 0.1])
@pytest.mark.parametrize("n", [8, 500, 512])
def test_zscore_of_a_constant_component_is_zero(value, n):
    scores = zscore(np.full((1, n, 2), value, dtype=np.float32))
    assert not scores.any()


def test_zscore_treats_components_apart():
    scores = zscore(window([2, 4, 6, 8], [-200, -400, -600, -800]))
    np.testing.assert_array_equal(scores[0, :, 0], -scores[0, :, 1])


def test_zscore_rfft_golden():
    # Period 4 in 8 samples: all energy in bin 2, |1 + 1j*-1 ...| = 4·√2.
    features = get_transform("zscore-rfft/1")(window(SQUARE))
    np.testing.assert_allclose(features[0, :, 0], [0, 0, 4 * math.sqrt(2), 0, 0], atol=1e-6)


def test_zscore_rfft_is_the_dft_as_defined():
    samples = np.random.default_rng(1).normal(size=16).astype(np.float32)
    features = get_transform("zscore-rfft/1")(window(samples))
    expected = naive_amplitude((samples - samples.mean()) / samples.std())
    np.testing.assert_allclose(features[0, :, 0], expected, rtol=1e-5, atol=1e-5)


def test_zscore_rfft_of_512_samples_has_257_bins_from_zero_to_nyquist():
    time = np.arange(512)
    features = get_transform("zscore-rfft/1")(window(np.sin(2 * np.pi * 30 * time / 512), (-1.0) ** time))
    assert features.shape == (1, 257, 2)
    assert features[0].argmax(axis=0).tolist() == [30, 256]
    # A sine of n samples with unit deviation has amplitude √2, so its bin holds √2·n/2; the alternation n.
    np.testing.assert_allclose(features[0].max(axis=0), [math.sqrt(2) * 256, 512], rtol=1e-6)


def test_zscore_rfft_log_golden():
    features = get_transform("zscore-rfft-log/1")(window(SQUARE))
    np.testing.assert_allclose(features[0, :, 0], [0, 0, math.log1p(4 * math.sqrt(2)), 0, 0], atol=1e-6)


def test_zscore_fft_reference_golden():
    # Bins 3, 4, 3, 2, 1 of an 8-point transform: upper half of the full one, without bin 0.
    features = get_transform("zscore-fft-reference/1")(window(SQUARE))
    np.testing.assert_allclose(features[0, :, 0], [0, 0, 0, 4 * math.sqrt(2), 0], atol=1e-6)


def test_zscore_fft_reference_is_the_slice_255_to_512_of_a_512_point_fft():
    samples = np.random.default_rng(2).normal(size=(4, 512, 3)).astype(np.float32)
    features = get_transform("zscore-fft-reference/1")(samples)
    expected = np.abs(np.fft.fft(zscore(samples), 512, axis=1))[:, 255:512]
    assert features.shape == (4, 257, 3)
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-4)


def test_zscore_waveform_golden():
    features = get_transform("zscore-waveform/1")(window(SQUARE * 5 + 3))
    np.testing.assert_array_equal(features[0, :, 0], SQUARE)


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_absent_components_stay_exactly_zero(transform):
    samples = np.random.default_rng(7).normal(size=(2, 512, 3)).astype(np.float32)
    samples[:, :, 1] = 0
    background = np.full((2, n_spectrum_bins(512), 3), 2.5, dtype=np.float32)
    features = transform(samples, background)
    assert features.shape[-1] == transform.n_channels(3)
    assert not features[:, :, 1::3].any()
    assert features[:, :, 0].any()
    assert np.isfinite(features).all()


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
@settings(max_examples=25, deadline=None)
@given(
    n_batch=st.integers(1, 33),
    n_components=st.integers(1, 4),
    n_samples=st.sampled_from([512, 500, 64]),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_a_row_has_the_same_bits_alone_and_in_any_batch(
    transform, *, n_batch, n_components, n_samples, seed, data
):
    rng = np.random.default_rng(seed)
    samples = rng.normal(scale=1e4, size=(n_batch, n_samples, n_components)).astype(np.float32)
    n_bins = n_spectrum_bins(n_samples)
    background = rng.normal(8, 3, size=(n_batch, n_bins, n_components)).astype(np.float32)
    features = transform(samples, background)
    assert features.shape == (n_batch, transform.n_steps(n_samples), transform.n_channels(n_components))
    assert features.dtype == np.float32
    row = data.draw(st.integers(0, n_batch - 1))
    one = slice(row, row + 1)
    assert transform(samples[one], background[one]).tobytes() == features[one].tobytes()
    # The layout in memory of what comes in must not matter either.
    strided = np.asfortranarray(samples)
    assert transform(strided, background).tobytes() == features.tobytes()


def test_an_unknown_transform_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'zscore/9'; known: zscore-rfft/1, "):
        get_transform("zscore/9")


def test_an_odd_number_of_samples_is_refused():
    with pytest.raises(ValueError, match="not 511"):
        get_transform("zscore-rfft/1")(np.zeros((1, 511, 3), dtype=np.float32))


def test_a_missing_background_is_refused():
    with pytest.raises(ValueError, match="found none"):
        get_transform("rfft-over-background/1")(np.zeros((1, 512, 3), dtype=np.float32))


def test_a_background_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"found \(1, 256, 3\)"):
        get_transform("rfft-over-background/1")(
            np.zeros((1, 512, 3), dtype=np.float32), np.zeros((1, 256, 3), dtype=np.float32)
        )


def test_samples_without_a_batch_axis_are_refused():
    with pytest.raises(ValueError, match=r"\(512, 3\)"):
        get_transform("zscore-rfft/1")(np.zeros((512, 3), dtype=np.float32))
