"""What is measured on the samples of a detection.  Pure: arrays in, numbers out."""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class OnsetPicker(Protocol):
    """Find the first arrival in a stretch of samples; injected, so that the core needs no library for it."""

    def __call__(self, samples: NDArray[np.float32], sample_rate_hz: float) -> tuple[float, float]:
        """
        Return the index of the onset in ``samples`` [n] and its uncertainty in seconds.

        The uncertainty is one standard deviation, above 0.
        """
        ...


def peak_amplitude(samples: NDArray[np.float32]) -> float:
    """Largest distance from the mean in ``samples`` [n, components], over all components, in their unit."""
    values = samples.astype(np.float64)
    return float(np.abs(values - values.mean(axis=0)).max())


def snr_db(samples: NDArray[np.float32], onset_index: float, *, min_samples: int) -> float | None:
    """
    Signal-to-noise ratio of ``samples`` [n]: 20 log10(rms from the onset on / rms before it).

    None where it cannot be measured: fewer than ``min_samples`` on either side, or silence on one.
    """
    split = round(onset_index)
    if not min_samples <= split <= len(samples) - min_samples:
        return None
    noise, signal = _rms(samples[:split]), _rms(samples[split:])
    if noise == 0 or signal == 0:
        return None
    return 20 * math.log10(signal / noise)


def _rms(samples: NDArray[np.float32]) -> float:
    values = samples.astype(np.float64)
    return math.sqrt(float(np.mean(values * values)))
