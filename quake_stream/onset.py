"""
Pick the onset of a detection with ObsPy's AIC picker; an edge, because the core knows no ObsPy.

The Akaike information criterion of "noise up to sample k, signal after it" (Maeda 1985) is smallest at
the onset.  Its differences are also weights of evidence, exp(-Δ/2) (Akaike 1978), so the same curve
tells how certain the onset is.
"""

import math

import numpy as np
from numpy.typing import NDArray
from obspy.signal.trigger import aic_simple

MIN_SIDE_S = 0.1  # a variance of fewer samples is no variance: AIC dips at both ends of any data
MAX_LAG_S = 1.0  # beyond it, autocorrelations of high-passed ground noise are estimation noise


def pick_onset(samples: NDArray[np.float32], sample_rate_hz: float) -> tuple[float, float]:
    """
    Find the sample from which on the samples are signal.

    Parameters
    ----------
    samples
        [n], high-passed, any unit, one onset at most.
    sample_rate_hz
        Sampling rate.

    Returns
    -------
    Index of the onset in ``samples``, and its standard deviation in seconds, at least one sample.  Where
    nothing can be picked (few samples, or flat ones): the middle, with the deviation of "anywhere in it".
    """
    values = np.asarray(samples, dtype=np.float64)
    margin = max(2, math.ceil(MIN_SIDE_S * sample_rate_hz))
    onsets = np.arange(margin, len(values) - margin)
    if len(onsets) == 0 or np.ptp(values) == 0:
        return len(values) / 2, max(len(values) / math.sqrt(12), 1) / sample_rate_hz
    # Element k splits behind sample k.  Constant samples on one side have no finite criterion.
    aic = aic_simple(values)[onsets - 1]
    aic = np.where(np.isfinite(aic), aic, np.inf)
    if np.isinf(aic).all():
        return len(values) / 2, len(values) / math.sqrt(12) / sample_rate_hz
    best = int(aic.argmin())
    noise = values[: onsets[best]]
    evidence = _independent_fraction(noise, round(MAX_LAG_S * sample_rate_hz)) * (aic - aic[best])
    weights = np.exp(-evidence / 2)
    weights /= weights.sum()
    mean = float(weights @ onsets)
    deviation = math.sqrt(float(weights @ (onsets - mean) ** 2))
    return float(onsets[best]), max(deviation, 1.0) / sample_rate_hz


def _independent_fraction(noise: NDArray[np.float64], max_lag: int) -> float:
    """
    Share of the samples that count as independent for a variance, 0 to 1 (Bartlett 1946).

    Without it, band-limited noise makes AIC two to twenty times too certain of the onset.
    """
    n = len(noise)
    centred = noise - noise.mean()
    power = float(centred @ centred)
    if power == 0:
        return 1.0
    spectrum = np.fft.rfft(centred, 2 * n)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[1 : min(n, max_lag + 1)] / power
    return 1 / (1 + 2 * float(correlation @ correlation))
