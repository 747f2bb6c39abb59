"""How strongly the ground moves now, and how upright: two numbers a window, for the trigger to follow.  Pure."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quake_stream.types import Window

LEVEL_S = 1.0  # short enough to show a new onset, long enough not to swing with single periods
DECIMALS = 2  # of levels: the last bits of a floating-point unit must never decide


def level_samples(sample_rate_hz: float) -> int:
    """Count the samples at a window's end that its level is measured on."""
    return round(LEVEL_S * sample_rate_hz)


def with_motion(window: Window, samples: NDArray[np.float32]) -> Window:
    """
    Note on a window what the `level_samples` at its end, [n, components], say of the ground.

    Only the code Z promises a vertical component: sensors with axes 1, 2 and 3 are mounted as it suits.
    """
    variances = samples.astype(np.float64).var(axis=0)
    upright_db = vertical_db(variances) if window.components[0] == "Z" else math.nan
    return replace(window, level_db=level_db(variances), vertical_db=upright_db)


def level_db(variances: NDArray[np.float64]) -> float:
    """
    Level of ground motion: 10 log10 of the variance, averaged over the components that move.

    Parameters
    ----------
    variances
        Of the samples of each component, in counts squared.

    Returns
    -------
    dB relative to 1 count rms; NaN where nothing moves, as a dead sensor says nothing about the ground.
    """
    moving = variances[variances > 0]
    return round(10 * math.log10(moving.mean()), DECIMALS) if moving.size else math.nan


def vertical_db(variances: NDArray[np.float64]) -> float:
    """
    Ratio of vertical to horizontal motion: 10 log10 of the variances, the horizontal ones averaged.

    P shakes the ground more upright than S does; how much depends on the site, the difference less so.

    Parameters
    ----------
    variances
        Of the samples of each component, the vertical first.

    Returns
    -------
    dB; NaN where it cannot be known: a component alone, or one that does not move.
    """
    if variances.size == 1 or not variances.all():
        return math.nan
    return round(10 * math.log10(variances[0] / variances[1:].mean()), DECIMALS)
