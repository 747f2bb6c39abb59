"""
Spectra of windows, with the same bits alone and in any batch.  Pure: arrays in, arrays out.

All arithmetic is float64 along the last, contiguous axis and rounded to float32 once at the end.
`numpy.fft` transforms row after row with the same code, whereas `scipy.fft` takes several rows at once
where the batch is large enough.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Features = NDArray[np.float32]

TINY: Final = 1e-30
"""Stands for amplitude 0 under the logarithm; far below any unit in use, even m/s."""


def n_spectrum_bins(n_samples: int) -> int:
    """Count the bins from 0 to the Nyquist frequency; ValueError if ``n_samples`` is odd or below 4."""
    if n_samples < 4 or n_samples % 2:
        raise ValueError(f"a spectrum needs an even number of samples from 4 on, not {n_samples}")
    return n_samples // 2 + 1


def log_spectrum(samples: Samples) -> Features:
    """
    Take the natural logarithm of the amplitude spectrum, per component.

    The mean is removed, and bin 0 is exactly 0 before the logarithm: what is left there is rounding.  No
    taper.  Amplitudes are floored at 1e-30, so that silence is about -69 and never -inf.

    Parameters
    ----------
    samples
        [..., n, components], n even, any unit.

    Returns
    -------
    [..., n // 2 + 1, components], nepers: log|rfft(samples - mean)|.
    """
    return components_last(log_amplitude(demeaned(components_first(samples))))


def components_first(samples: Samples) -> NDArray[np.float64]:
    """[..., n, components] → contiguous [..., components, n], so that sums run along memory."""
    return np.ascontiguousarray(np.moveaxis(samples, -1, -2), dtype=np.float64)


def components_last(values: NDArray[np.float64]) -> Features:
    """[..., components, n] → contiguous float32 [..., n, components]."""
    return np.ascontiguousarray(np.moveaxis(values, -1, -2), dtype=np.float32)


def demeaned(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the mean along the last axis."""
    centred: NDArray[np.float64] = values - values.mean(axis=-1, keepdims=True)
    return centred


def amplitude(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """|rfft| along the last axis, of values without a mean; bin 0 is 0."""
    spectrum = np.fft.rfft(centred)
    # sqrt is correctly rounded everywhere; hypot, behind np.abs, is not.
    modulus = np.sqrt(spectrum.real * spectrum.real + spectrum.imag * spectrum.imag)
    modulus[..., 0] = 0.0
    return modulus


def log_amplitude(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """log|rfft| along the last axis, nepers, of values without a mean."""
    logarithm: NDArray[np.float64] = np.log(np.maximum(amplitude(centred), TINY))
    return logarithm
