"""How strongly the ground moves now: one number a window, for the trigger to follow.  Pure."""

import math

import numpy as np
from numpy.typing import NDArray

LEVEL_S = 1.0  # short enough to show a new onset, long enough not to swing with single periods
DECIMALS = 2  # of levels: the last bits of a floating-point unit must never decide


def level_samples(sample_rate_hz: float) -> int:
    """Count the samples at a window's end that its level is measured on."""
    return round(LEVEL_S * sample_rate_hz)


def level_db(samples: NDArray[np.float32]) -> float:
    """
    Level of ground motion: 10 log10 of the variance, averaged over the components that move.

    Parameters
    ----------
    samples
        [n, components], in counts.

    Returns
    -------
    dB relative to 1 count rms; NaN where nothing moves, as a dead sensor says nothing about the ground.
    """
    variances = samples.astype(np.float64).var(axis=0)
    moving = variances[variances > 0]
    return round(10 * math.log10(moving.mean()), DECIMALS) if moving.size else math.nan
