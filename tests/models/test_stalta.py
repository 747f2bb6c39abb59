"""The baseline scores a rise of energy and nothing else."""

import subprocess
import sys

import numpy as np
import pytest

from quake_stream.detection.features import get_transform
from quake_stream.models.stalta import N_SAMPLES, SAMPLE_RATE_HZ, StaLtaModel


def score(samples):
    """Probability of an earthquake for [n_samples] of the vertical."""
    model = StaLtaModel()
    window = np.asarray(samples, dtype=np.float32)[np.newaxis, :, np.newaxis]
    return float(model.predict(get_transform(model.spec.transform)(window))[0, 1])


def noise(seed, scale=100.0):
    return np.random.default_rng(seed).normal(scale=scale, size=N_SAMPLES)


def arrival(end_s, gain):
    """Noise that rises by ``gain`` so long before the end of the window."""
    samples = noise(0)
    samples[N_SAMPLES - round(end_s * SAMPLE_RATE_HZ) :] *= gain
    return samples


def test_stationary_noise_scores_low():
    assert max(score(noise(seed)) for seed in range(200)) < 0.1


@pytest.mark.parametrize("end_s", [0.5, 1.0, 1.9])
def test_a_rise_in_the_last_two_seconds_scores_high(end_s):
    assert score(arrival(end_s, gain=10)) > 0.95


def test_a_stronger_rise_scores_higher():
    scores = [score(arrival(1.0, gain)) for gain in (1, 2, 4, 8, 16)]
    assert scores == sorted(scores)


def test_ratio_five_scores_one_half():
    samples = np.tile([1.0, -1.0], N_SAMPLES // 2)
    samples[-50:] *= np.sqrt(5)
    assert score(samples) == pytest.approx(0.5, abs=1e-4)


def test_decaying_coda_scores_low():
    assert score(noise(1) * np.exp(-np.arange(N_SAMPLES) / 100)) < 0.05


@pytest.mark.parametrize("value", [0.0, 42.0])
def test_a_constant_component_is_noise(value):
    assert score(np.full(N_SAMPLES, value)) == 0


def test_a_step_after_silence_is_finite():
    assert np.isfinite(score(np.repeat([0.0, 1.0], N_SAMPLES // 2)))


def test_the_first_channel_decides_and_rows_keep_their_bits():
    features = np.random.default_rng(2).normal(size=(37, N_SAMPLES, 3)).astype(np.float32)
    model = StaLtaModel()
    scores = model.predict(features)
    assert scores.shape == (37, 2)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)
    for row in range(37):
        assert model.predict(features[row : row + 1, :, :1])[0].tobytes() == scores[row].tobytes()


@pytest.mark.parametrize("shape", [(512, 3), (2, 500, 3), (2, 512, 0)])
def test_features_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="512, channels"):
        StaLtaModel().predict(np.zeros(shape, dtype=np.float32))


def test_the_same_parameters_have_the_same_hash():
    assert StaLtaModel().spec == StaLtaModel().spec
    assert len(StaLtaModel().spec.sha256) == 64


def test_importing_and_loading_it_does_not_import_torch():
    code = (
        "import sys; from quake_stream.models import load_model; load_model('stalta');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
