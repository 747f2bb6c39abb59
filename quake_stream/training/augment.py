"""
Vary cuts so that the network learns earthquakes and not recording systems.  NumPy, seeded.

Gain and polarity of all components together change no feature, so they are not varied.
"""

import dataclasses
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from quake_stream.training.artefacts import draw_artefact
from quake_stream.training.conditioning import lowpass_sections
from quake_stream.training.cuts import N_CUT, N_MEMORY, Cut, without_beginning
from quake_stream.training.examples import N_COMPONENTS, RATE_HZ

Rng = np.random.Generator

P_ADD_NOISE: Final = 0.4
P_MIX_NOISE: Final = 0.15
P_ARTEFACT: Final = 0.35
P_DROPOUT: Final = 0.04
P_LOWPASS: Final = 0.35
P_HIGHPASS: Final = 0.2
P_ROTATE: Final = 0.5
P_VERTICAL_ONLY: Final = 0.3
P_DEAD: Final = 0.05
LOWEST_SNR_DB: Final = 4.0
HIGHEST_SNR_DB: Final = 25.0

# Recordings of 18-90 Hz have nothing above 0.45 of their rate; 60 dB is what resampling leaves there.
_LOWPASS_HZ: Final = (8.0, 9.0, 11.0, 14.0, 18.0, 22.0, 27.0, 34.0, 40.0)
_HIGHPASS_HZ: Final = (1.5, 2.0, 3.0, 4.5)


_LOWPASS: Final = tuple(lowpass_sections(hz) for hz in _LOWPASS_HZ)
_HIGHPASS: Final = tuple(signal.butter(2, hz, "highpass", fs=RATE_HZ, output="sos") for hz in _HIGHPASS_HZ)


def augment_earthquake(cut: Cut, noise: Cut, onset: int, rng: Rng) -> Cut:
    """
    Vary an earthquake cut; ``onset`` is the index of P in it, ``noise`` a background cut to add at will.

    Added background leaves a signal-to-noise ratio of 4-25 dB, so that the label stays true.
    """
    samples = cut.samples
    if rng.random() < P_ADD_NOISE:
        samples = _add_at_snr(samples, noise.samples, onset, rng)
    missing = max(cut.n_missing, noise.n_missing) if samples is not cut.samples else cut.n_missing
    return _vary(dataclasses.replace(cut, samples=samples), missing, rng)


def augment_noise(cut: Cut, other: Cut, rng: Rng) -> Cut:
    """Vary a background cut: mix it with another, disturb it, then as with earthquakes."""
    samples, missing = cut.samples, cut.n_missing
    is_absent = ~samples.any(axis=1)
    if rng.random() < P_MIX_NOISE:
        samples = samples + _ratio(samples, other.samples) * rng.uniform(0.2, 1.0) * other.samples
        missing = max(missing, other.n_missing)
    level = _levels(samples).max()
    if rng.random() < P_ARTEFACT and level > 0:
        peak = level * 10 ** rng.uniform(0.3, 3.0)
        latest = N_CUT - int(rng.integers(10, 450))
        samples = samples + (peak * draw_artefact(rng, N_CUT, latest)).astype(np.float32)
    if rng.random() < P_DROPOUT:
        samples = _drop_out(samples, rng)
    if samples is not cut.samples:
        samples[is_absent] = 0.0
    return _vary(dataclasses.replace(cut, samples=samples), missing, rng)


def _vary(cut: Cut, n_missing: int, rng: Rng) -> Cut:
    samples = cut.samples
    for probability, designs in ((P_LOWPASS, _LOWPASS), (P_HIGHPASS, _HIGHPASS)):
        if rng.random() < probability:
            design = designs[int(rng.integers(len(designs)))]
            samples = signal.sosfilt(design, samples, axis=-1).astype(np.float32)
    return without_beginning(_orient(samples, rng).copy(), n_missing, cut.phase)


def _orient(samples: NDArray[np.float32], rng: Rng) -> NDArray[np.float32]:
    """Rotate the horizontals, or lose them, or lose any one component."""
    present = samples.any(axis=1)
    if not present.all():
        return samples
    if rng.random() < P_ROTATE:
        angle = rng.uniform(0, 2 * np.pi)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        z, north, east = samples
        samples = np.stack([z, cos * north + sin * east, cos * east - sin * north])
    if rng.random() < P_VERTICAL_ONLY:
        samples = samples * np.array([[1], [0], [0]], dtype=np.float32)
    elif rng.random() < P_DEAD:
        keep = np.ones((N_COMPONENTS, 1), dtype=np.float32)
        keep[int(rng.integers(N_COMPONENTS))] = 0
        samples = samples * keep
    return samples


def _add_at_snr(
    samples: NDArray[np.float32], noise: NDArray[np.float32], onset: int, rng: Rng
) -> NDArray[np.float32]:
    """Add background so that the signal keeps a drawn ratio of rms after P to rms of the background."""
    if onset >= N_CUT - 20 or not (samples.any(axis=1) <= noise.any(axis=1)).all():
        return samples
    arrival = samples[:, max(onset, 0) : max(onset, 0) + 200]
    wanted = 10 ** (rng.uniform(LOWEST_SNR_DB, HIGHEST_SNR_DB) / 20)
    signal_level, noise_level = arrival.std(axis=1).max(), _levels(noise).max()
    if noise_level == 0:
        return samples
    gain = np.float32(signal_level / noise_level / wanted)
    added = samples + gain * noise
    added[~samples.any(axis=1)] = 0.0
    return added


def _drop_out(samples: NDArray[np.float32], rng: Rng) -> NDArray[np.float32]:
    """Silence from some time on, with the jump of a level that is held or lost."""
    start = int(rng.integers(N_MEMORY, N_CUT - 5))
    stop = start + int(rng.integers(5, N_CUT))
    out = samples.copy()
    out[:, start:stop] = 0.0
    out[:, start : start + 1] += samples[:, start : start + 1] * np.float32(rng.uniform(0, 20))
    return out


def _levels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rms of each component in the memory before the window."""
    levels: NDArray[np.float32] = samples[:, :N_MEMORY].std(axis=1)
    return levels


def _ratio(a: NDArray[np.float32], b: NDArray[np.float32]) -> np.float32:
    return np.float32(_levels(a).max() / max(float(_levels(b).max()), 1e-20))
