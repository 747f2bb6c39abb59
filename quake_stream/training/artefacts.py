"""
Make what instruments and people do to a seismogram, to be learned as background.

Every function draws one disturbance of float64 [3, n] at 100 Hz, as the sensor would record it (before
the high-pass), of peak amplitude about 1; `draw_artefact` scales and filters it.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from quake_stream.training.conditioning import HIGHPASS_HZ
from quake_stream.training.examples import N_COMPONENTS, RATE_HZ

Array = NDArray[np.float64]
Rng = np.random.Generator

_BANDS: Final = tuple(
    signal.butter(2, (low_hz, min(45.0, low_hz * ratio)), "bandpass", fs=RATE_HZ, output="sos")
    for low_hz in (1.0, 2.0, 3.5, 6.0, 10.0, 15.0)
    for ratio in (1.4, 2.2, 4.5)
)
_SECTIONS: Final = signal.butter(2, HIGHPASS_HZ, "highpass", fs=RATE_HZ, output="sos")


def draw_artefact(rng: Rng, n: int, latest: int) -> Array:
    """
    Draw one disturbance, or a train of them, high-passed.

    Parameters
    ----------
    rng
        Source of randomness.
    n
        Number of samples.
    latest
        Disturbances start before this index.

    Returns
    -------
    float64 [3, n], peak about 1.
    """
    make = _KINDS[int(rng.integers(len(_KINDS)))]
    start = int(rng.integers(max(1, latest - 700), latest))
    raw = make(rng, n, start)
    filtered: Array = signal.sosfilt(_SECTIONS, raw, axis=-1)
    return filtered / max(float(np.abs(filtered).max()), 1e-12)


def spike(rng: Rng, n: int, start: int) -> Array:
    """Put one to three samples off, on one component or all."""
    out = np.zeros(n)
    out[start : start + int(rng.integers(1, 4))] = 1.0
    return _spread(rng, out, alone=0.6)


def step(rng: Rng, n: int, start: int) -> Array:
    """Jump to another zero level: calibration, tilt, telemetry."""
    out = np.zeros(n)
    out[start:] = 1.0
    return _spread(rng, out, alone=0.5)


def glitch(rng: Rng, n: int, start: int) -> Array:
    """Jump and decay within 0.1-5 s, as a mass does that recentres."""
    t = np.arange(n - start) / RATE_HZ
    out = np.zeros(n)
    out[start:] = np.exp(-t / _log_uniform(rng, 0.1, 5.0))
    return _spread(rng, out, alone=0.5)


def tone(rng: Rng, n: int, start: int) -> Array:
    """Start a machine: one frequency and its harmonics, fading in within 0.02-3 s."""
    t = np.arange(n - start) / RATE_HZ
    base_hz = _log_uniform(rng, 1.5, 30.0)
    out = np.zeros(n)
    for harmonic in range(1, int(rng.integers(2, 5))):
        if base_hz * harmonic < 0.48 * RATE_HZ:
            phase = rng.uniform(0, 2 * np.pi)
            out[start:] += rng.uniform(0.2, 1.0) * np.sin(2 * np.pi * base_hz * harmonic * t + phase)
    out[start:] *= np.minimum(1.0, t / _log_uniform(rng, 0.02, 3.0))
    return _spread(rng, out, alone=0.2)


def knocks(rng: Rng, n: int, start: int) -> Array:
    """Knock once or in a train: footsteps, hammers, doors; each rings 0.05-1 s at 5-40 Hz."""
    n_knocks = 1 if rng.random() < 0.5 else int(rng.integers(2, 12))
    interval = rng.uniform(0.25, 1.5) * RATE_HZ
    modes = [_mode(rng) for _ in range(int(rng.integers(1, 4)))]
    out = np.zeros((N_COMPONENTS, n))
    first = start - int(rng.integers(n_knocks)) * interval
    for k in range(n_knocks):
        at = int(first + k * interval + rng.normal(0, 0.05) * interval)
        if 0 <= at < n:
            t = np.arange(n - at) / RATE_HZ
            size = rng.uniform(0.4, 1.0)
            for hz, decay_s, gains in modes:
                wave = np.sin(2 * np.pi * hz * t) * np.exp(-t / decay_s)
                out[:, at:] += size * gains[:, None] * wave
    return out


def passage(rng: Rng, n: int, start: int) -> Array:
    """Swell and fade, as a vehicle or a gust does: band-limited noise of 1-15 s."""
    centre, width = start + rng.uniform(-2, 3) * RATE_HZ, _log_uniform(rng, 1.0, 8.0) * RATE_HZ
    band = _BANDS[int(rng.integers(len(_BANDS)))]
    noise = signal.sosfilt(band, rng.standard_normal((N_COMPONENTS, n)), axis=-1)
    envelope = np.exp(-0.5 * ((np.arange(n) - centre) / width) ** 2)
    return np.asarray(noise * envelope * rng.uniform(0.3, 1.0, (N_COMPONENTS, 1)))


_KINDS: Final[tuple[Callable[[Rng, int, int], Array], ...]] = (
    spike,
    step,
    glitch,
    tone,
    knocks,
    knocks,
    knocks,
    passage,
    passage,
)


def _mode(rng: Rng) -> tuple[float, float, Array]:
    """Frequency (Hz), decay (s) and gain per component of one resonance."""
    return _log_uniform(rng, 5.0, 40.0), _log_uniform(rng, 0.02, 0.4), rng.uniform(-1, 1, N_COMPONENTS)


def _spread(rng: Rng, wave: Array, *, alone: float) -> Array:
    """Give a waveform to one component (with probability ``alone``) or in random shares to all."""
    gains = rng.uniform(-1, 1, N_COMPONENTS)
    if rng.random() < alone:
        gains = np.zeros(N_COMPONENTS)
        gains[int(rng.integers(N_COMPONENTS))] = rng.choice((-1.0, 1.0))
    return gains[:, None] * wave


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
