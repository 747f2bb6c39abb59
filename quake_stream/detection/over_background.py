"""
Spectra relative to the instrument's own background: what rose, and when in the window.  Pure.

Gain, units and the usual hum of a site cancel.  The background is the mean of `log_spectrum` over frames
before the window, see `quake_stream.detection.background`.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.detection.spectra import (
    Features,
    Samples,
    components_first,
    components_last,
    demeaned,
    log_amplitude,
    n_spectrum_bins,
)

FLOOR_NP: Final = 3 * math.log(10)
"""How far below the background level a bin may count: 60 dB in nepers (natural log of amplitude)."""

SCALE: Final = 0.5
"""
Nepers → features.

Noise scatters by 0.7 Np around its own background (0.64 for one Rayleigh-distributed amplitude, the rest
from the mean of a few frames), earthquakes rise by 2 to 6 Np; half of that is of order one.
"""

DIVISIONS: Final = (1, 4, 8, 16)
"""`bands_over_background` looks at the window and at its quarters, eighths and sixteenths (0.32 s of 5.12 s)."""

N_VIEWS: Final = sum(DIVISIONS)

N_BAND_BINS: Final = 4
"""Bins of the whole window that make a band: 0.78 Hz for windows of 5.12 s."""

_MIN_SAMPLES: Final = 64


def n_bands(n_samples: int) -> int:
    """Count the bands of a window: 64 of 512 samples; ValueError where it is too short."""
    if n_samples < _MIN_SAMPLES:
        raise ValueError(f"bands need windows of at least {_MIN_SAMPLES} samples, not {n_samples}")
    return (n_spectrum_bins(n_samples) - 1) // N_BAND_BINS


def bins_over_background(samples: Samples, background: Features) -> Features:
    """
    Take log|rfft| of each window over its background, bin by bin.

    Parameters
    ----------
    samples
        [batch, n, components]; a component that is absent is 0 throughout.
    background
        [batch, n // 2 + 1, components], nepers.

    Returns
    -------
    [batch, n // 2 + 1, components]: `SCALE` times nepers.
    """
    values, before = components_first(samples), components_first(background)
    floor = _floor(before)
    rise = np.maximum(log_amplitude(demeaned(values)), floor) - np.maximum(before, floor)
    return components_last(np.where(_is_present(values), SCALE * rise, 0.0))


def bands_over_background(samples: Samples, background: Features) -> Features:
    """
    Take log|rfft| of each window, its quarters, eighths and sixteenths over the background, in bands.

    The mean of the logarithm over the four bins of a band scatters half as much as one bin, and a network
    has a quarter of the steps to read.  A quarter has one bin in each band, an eighth one in every two, a
    sixteenth one in every four.  Parts are under a Hann taper: without it an onset would leak all over their
    spectra.

    Parameters
    ----------
    samples, background
        As for `bins_over_background`.

    Returns
    -------
    [batch, n_bands(n), 29 · components], `SCALE` times nepers: all components of the whole window, then of
    its first quarter, and so on to its last sixteenth.  The first band is bins 1 to 4 of the window.
    """
    values, before = components_first(samples), components_first(background)
    floor = _floor(before)
    usual = _in_bands(np.maximum(before, floor))[:, np.newaxis]
    is_present = _is_present(values)[:, np.newaxis]
    whole = _in_bands(np.maximum(log_amplitude(demeaned(values)), floor))[:, np.newaxis]
    features = np.empty((len(values), whole.shape[-1], N_VIEWS, values.shape[1]), dtype=np.float32)
    first = 0
    for n_parts in DIVISIONS:
        views = whole if n_parts == 1 else np.maximum(_of_parts(values, n_parts), floor[:, np.newaxis])
        rise = np.where(is_present, SCALE * (views - usual), 0.0)
        features[:, :, first : first + n_parts] = np.moveaxis(rise, -1, 1)
        first += n_parts
    return features.reshape(*features.shape[:2], -1)


def _of_parts(values: NDArray[np.float64], n_parts: int) -> NDArray[np.float64]:
    """
    Log amplitude of each part in the bands of the window, as if it lasted as long as that.

    From [batch, components, n] to [batch, n_parts, components, n_bands(n)].
    """
    *shape, n = values.shape
    n_part = n // n_parts
    parts = values[..., : n_parts * n_part].reshape(*shape, n_parts, n_part)
    taper = np.hanning(n_part)
    # Of noise, as much amplitude a root of duration as without the taper.
    taper *= math.sqrt(n_part / float(taper @ taper))
    # The bin of a part at the upper end of each band.
    bins = np.minimum(-(-np.arange(1, n_bands(n) + 1) * N_BAND_BINS // n_parts), n_part // 2)
    spectra = log_amplitude(taper * demeaned(np.ascontiguousarray(parts)))[..., bins]
    # The amplitude of noise grows as the square root of its duration.
    return np.moveaxis(spectra + 0.5 * math.log(n_parts), -2, 1)


def _in_bands(spectrum: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average a spectrum over the four bins of each band."""
    count = (spectrum.shape[-1] - 1) // N_BAND_BINS
    bins = [spectrum[..., 1 + k : 1 + N_BAND_BINS * count : N_BAND_BINS] for k in range(N_BAND_BINS)]
    # Written out: the order of a sum that numpy takes over an axis may depend on the shape.
    return (bins[0] + bins[1] + bins[2] + bins[3]) / N_BAND_BINS


def _floor(before: NDArray[np.float64]) -> NDArray[np.float64]:
    # The mean amplitude, not the mean logarithm: a station recorded at 40 Hz has nothing above 20 Hz, and
    # those empty bins must not pull down the floor that makes them count little.
    level: NDArray[np.float64] = np.log(np.exp(before).mean(axis=-1, keepdims=True))
    return level - FLOOR_NP


def _is_present(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    present: NDArray[np.bool_] = (values != 0.0).any(axis=-1, keepdims=True)
    return present
