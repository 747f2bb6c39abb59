"""Golden values of every feature transform, and what all of them promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quake_stream.detection.features import FLOOR_NP, SCALE, TRANSFORMS, get_transform, log_spectrum, zscore

SQUARE = np.array([1, 1, -1, -1, 1, 1, -1, -1], dtype=np.float32)  # its z-score is itself


def window(*components):
    """[1, n, components] from one list of samples per component."""
    return np.array(components, dtype=np.float32).T[np.newaxis]


def naive_amplitude(samples):
    """|DFT| written out as its definition, bins 0 … n/2."""
    n = len(samples)
    return np.array(
        [
            abs(sum(x * complex(math.cos(a), math.sin(a)) for x, a in zip(samples, angles, strict=True)))
            for angles in ([-2 * math.pi * k * i / n for i in range(n)] for k in range(n // 2 + 1))
        ]
    )


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


def test_over_background_golden():
    transform = get_transform("rfft-over-background/1")
    background = np.zeros((1, 5, 1), dtype=np.float32)  # amplitude 1 in every bin: level 0, floor -60 dB
    features = transform(window(SQUARE), background)
    low = -SCALE * FLOOR_NP
    expected = [low, low, SCALE * math.log(4 * math.sqrt(2)), low, low]
    np.testing.assert_allclose(features[0, :, 0], expected, rtol=1e-5)


def test_over_background_the_level_is_the_mean_amplitude():
    transform = get_transform("rfft-over-background/1")
    background = np.log(np.array([[[1e-9], [1], [10], [1e-9], [1e-9]]], dtype=np.float32))
    features = transform(window(SQUARE), background)[0, :, 0]
    floor = math.log(11 / 5) - FLOOR_NP
    expected = [0, SCALE * floor, SCALE * math.log(4 * math.sqrt(2) / 10), 0, 0]
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)


def test_over_background_of_the_same_spectrum_is_zero():
    samples = np.random.default_rng(4).normal(size=(3, 512, 3)).astype(np.float32)
    features = get_transform("rfft-over-background/1")(samples, log_spectrum(samples))
    np.testing.assert_allclose(features, 0, atol=1e-6)


def test_over_background_does_not_depend_on_the_gain_of_the_instrument():
    rng = np.random.default_rng(5)
    samples, before = rng.normal(size=(2, 3, 512, 3)).astype(np.float32)
    transform = get_transform("rfft-over-background/1")
    quiet = transform(samples, log_spectrum(before))
    loud = transform(samples * 4096, log_spectrum(before * 4096))
    np.testing.assert_allclose(quiet, loud, atol=1e-5)


def test_over_background_noise_and_signal_are_of_order_one():
    rng = np.random.default_rng(6)
    before = np.stack([log_spectrum(rng.normal(size=(50, 512, 3)).astype(np.float32)) for _ in range(4)])
    noise = rng.normal(size=(50, 512, 3)).astype(np.float32)
    transform = get_transform("rfft-over-background/1")
    background = before.mean(axis=0, dtype=np.float32)
    assert 0.2 < transform(noise, background).std() < 0.6
    assert 1 < transform(noise * 100, background).mean() < 3


def test_parts_over_background_golden():
    # Four parts of four samples; the Hann taper of four is 0, 3/4, 3/4, 0, times sqrt(4 / (2 · 9/16)) = √2.
    samples = window([0] * 8 + [0, 1, -1, 0] + [0] * 4)
    background = np.zeros((1, 9, 1), dtype=np.float32)
    features = get_transform("rfft-parts-over-background/1")(samples, background)
    assert features.shape == (1, 9, 5)
    whole = get_transform("rfft-over-background/1")(samples, background)
    np.testing.assert_array_equal(features[:, :, :1], whole)
    # |1 - exp(-jw)| = 2 sin(w / 2), and noise of a quarter of the duration has half the amplitude.
    amplitude = math.sqrt(2) * 2 * np.sin(np.pi * np.arange(1, 9) / 16)
    expected = SCALE * np.log(2 * amplitude)
    np.testing.assert_allclose(features[0, 1:, 3], expected, rtol=1e-5)
    np.testing.assert_allclose(features[0, :, [1, 2, 4]], -SCALE * FLOOR_NP, rtol=1e-5)
    np.testing.assert_allclose(features[0, 0, 3], -SCALE * FLOOR_NP, rtol=1e-5)


def test_parts_over_background_come_view_after_view():
    samples = np.random.default_rng(8).normal(size=(2, 512, 3)).astype(np.float32)
    samples[:, 384:] *= 1000
    transform = get_transform("rfft-parts-over-background/1")
    rise = transform(samples, np.full((2, 257, 3), math.log(16), dtype=np.float32)).mean(axis=(0, 1))
    assert rise.shape == (15,)
    assert (np.abs(rise[3:12]) < 0.5).all()
    assert (rise[[0, 1, 2, 12, 13, 14]] > 2).all()


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_absent_components_stay_exactly_zero(transform):
    samples = np.random.default_rng(7).normal(size=(2, 512, 3)).astype(np.float32)
    samples[:, :, 1] = 0
    background = np.full((2, transform.n_bins(512), 3), 2.5, dtype=np.float32)
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
    bins = transform.n_bins(n_samples)
    background = rng.normal(8, 3, size=(n_batch, bins, n_components)).astype(np.float32)
    features = transform(samples, background)
    assert features.shape == (n_batch, bins, transform.n_channels(n_components))
    assert features.dtype == np.float32
    row = data.draw(st.integers(0, n_batch - 1))
    one = slice(row, row + 1)
    assert transform(samples[one], background[one]).tobytes() == features[one].tobytes()
    # The layout in memory of what comes in must not matter either.
    strided = np.asfortranarray(samples)
    assert transform(strided, background).tobytes() == features.tobytes()


def test_log_spectrum_has_the_same_bits_alone_and_in_any_batch():
    samples = np.random.default_rng(8).normal(scale=1e5, size=(37, 512, 3)).astype(np.float32)
    together = log_spectrum(samples)
    for row, spectrum in zip(samples, together, strict=True):
        assert log_spectrum(row).tobytes() == spectrum.tobytes()
        assert log_spectrum(row[:, :1]).tobytes() == np.ascontiguousarray(spectrum[:, :1]).tobytes()


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
