"""
Samples → what a model looks at: the named feature transforms.  Pure: arrays in, arrays out.

A model card names its transform by `FeatureTransform.id`, so the arithmetic behind an id never changes:
a better one gets a new id.  Nothing here knows instruments, time or gaps; the background is an argument.

All arithmetic is float64 along the last, contiguous axis and rounded to float32 once at the end, so a
window gives the same bits alone and inside any batch.  `numpy.fft` transforms row after row with the same
code, whereas `scipy.fft` takes several rows at once where the batch is large enough.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Features = NDArray[np.float32]

FLOOR_NP: Final = 3 * math.log(10)
"""How far below the background level a bin may count: 60 dB in nepers (natural log of amplitude)."""

SCALE: Final = 0.5
"""
Nepers → features.

Noise scatters by 0.7 Np around its own background (0.64 for one Rayleigh-distributed amplitude, the rest
from the mean of a few frames), earthquakes rise by 2 to 6 Np; half of that is of order one.
"""

N_PARTS: Final = 4
"""Parts of a window that "rfft-parts-over-background/1" looks at one by one: 1.28 s of 5.12 s."""

_TINY: Final = 1e-30  # stands for amplitude 0 under the logarithm; far below any unit in use, even m/s


def zscore(samples: Samples) -> Features:
    """
    Subtract the mean and divide by the standard deviation, per component.

    Parameters
    ----------
    samples
        [..., n, components], any unit.

    Returns
    -------
    Same shape, dimensionless.  A constant component becomes 0, not NaN.
    """
    return _components_last(_zscored(_components_first(samples)))


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
    return _components_last(_log_amplitude(_components_first(samples)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureTransform:
    """
    A feature transform by the name that model cards use.

    ``needs_background`` says whether the mean log spectrum of what went before must be given;
    ``is_spectral`` whether the features are frequency bins or the samples themselves; ``n_views`` how many
    channels each component becomes.
    """

    id: str
    needs_background: bool
    is_spectral: bool
    function: Callable[[Samples, Features | None], Features]
    n_views: int = 1

    def n_channels(self, n_components: int) -> int:
        """Length of the features' last axis: views of all components, view after view."""
        return self.n_views * n_components

    def n_bins(self, n_samples: int) -> int:
        """Length of the features' second axis for windows of ``n_samples``; ValueError if these are odd."""
        if not self.is_spectral:
            return n_samples
        if n_samples < 4 or n_samples % 2:
            raise ValueError(f"{self.id} needs an even number of samples from 4 on, not {n_samples}")
        return n_samples // 2 + 1

    def __call__(self, samples: Samples, background: Features | None = None) -> Features:
        """
        Transform a batch of windows.

        Parameters
        ----------
        samples
            float32 [batch, n_samples, components]; a component that is absent is 0 throughout.
        background
            float32 [batch, bins, components]: mean of `log_spectrum` over the frames before each window.
            Ignored unless ``needs_background``.

        Returns
        -------
        float32 [batch, bins, channels], C-contiguous; absent components are exactly 0.

        Raises
        ------
        ValueError
            A shape does not fit, or the background that the transform needs was not given.
        """
        if samples.ndim != 3:
            raise ValueError(f"samples have shape {samples.shape}, not [batch, n_samples, components]")
        n_batch, n_samples, n_components = samples.shape
        shape = (n_batch, self.n_bins(n_samples), n_components)
        if self.needs_background and (background is None or background.shape != shape):
            found = "none" if background is None else background.shape
            raise ValueError(f"{self.id} needs a background of shape {shape}, found {found}")
        return self.function(samples, background)


def get_transform(transform_id: str) -> FeatureTransform:
    """Look a transform up by its id; ValueError names the known ones."""
    try:
        return TRANSFORMS[transform_id]
    except KeyError:
        known = ", ".join(TRANSFORMS)
        raise ValueError(f"unknown feature transform {transform_id!r}; known: {known}") from None


def _components_first(samples: Samples) -> NDArray[np.float64]:
    """[..., n, components] → contiguous [..., components, n], so that sums run along memory."""
    return np.ascontiguousarray(np.moveaxis(samples, -1, -2), dtype=np.float64)


def _components_last(values: NDArray[np.float64]) -> Features:
    """[..., components, n] → contiguous float32 [..., n, components]."""
    return np.ascontiguousarray(np.moveaxis(values, -1, -2), dtype=np.float32)


def _demeaned(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = values - values.mean(axis=-1, keepdims=True)
    return centred


def _zscored(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = _demeaned(values)
    deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True))
    # Sums of float32 values are exact in float64, so a constant component has a deviation of exactly 0.
    return centred / np.where(deviation > 0, deviation, 1.0)


def _amplitude(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(centred)
    # sqrt is correctly rounded everywhere; hypot, behind np.abs, is not.
    amplitude = np.sqrt(spectrum.real * spectrum.real + spectrum.imag * spectrum.imag)
    amplitude[..., 0] = 0.0
    return amplitude


def _log_amplitude(values: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithm: NDArray[np.float64] = np.log(np.maximum(_amplitude(_demeaned(values)), _TINY))
    return logarithm


def _zscore_waveform(samples: Samples, _background: Features | None) -> Features:
    return zscore(samples)


def _zscore_rfft(samples: Samples, _background: Features | None) -> Features:
    return _components_last(_amplitude(_zscored(_components_first(samples))))


def _zscore_rfft_log(samples: Samples, _background: Features | None) -> Features:
    return _components_last(np.log1p(_amplitude(_zscored(_components_first(samples)))))


def _zscore_fft_reference(samples: Samples, _background: Features | None) -> Features:
    # The upper half of a full transform: bins n/2-1 … n-1 of n, which mirror n/2-1, n/2, n/2-1, …, 1.
    amplitude = _amplitude(_zscored(_components_first(samples)))
    n = samples.shape[-2]
    bins = np.arange(n // 2 - 1, n)
    return _components_last(amplitude[..., np.minimum(bins, n - bins)])


def _rfft_over_background(samples: Samples, background: Features | None) -> Features:
    values, before = _components_first(samples), _background_first(background)
    return _components_last(_rise(values, before, _is_present(values)))


def _rfft_parts_over_background(samples: Samples, background: Features | None) -> Features:
    values, before = _components_first(samples), _background_first(background)
    is_present = _is_present(values)
    n_part = values.shape[-1] // N_PARTS
    taper = np.hanning(n_part)
    # Of noise, as much amplitude a root of duration as without the taper.
    taper *= math.sqrt(n_part / float(taper @ taper))
    views = [_rise(values, before, is_present)]
    for part in range(N_PARTS):
        # As many bins as the whole window has: the transform of the part, followed by silence.
        padded = np.zeros_like(values)
        samples_of_part = np.ascontiguousarray(values[..., part * n_part : (part + 1) * n_part])
        padded[..., :n_part] = taper * _demeaned(samples_of_part)
        amplitude = np.maximum(_amplitude(padded), _TINY)
        # The amplitude of noise grows as the square root of its duration.
        views.append(_rise_of(np.log(amplitude), before - 0.5 * math.log(N_PARTS), is_present))
    return _components_last(np.concatenate(views, axis=-2))


def _background_first(background: Features | None) -> NDArray[np.float64]:
    if background is None:  # `FeatureTransform` has checked; this tells the type checker
        raise ValueError("no background")
    return _components_first(background)


def _is_present(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    present: NDArray[np.bool_] = (values != 0.0).any(axis=-1, keepdims=True)
    return present


def _rise(
    values: NDArray[np.float64], before: NDArray[np.float64], is_present: NDArray[np.bool_]
) -> NDArray[np.float64]:
    return _rise_of(_log_amplitude(values), before, is_present)


def _rise_of(
    logarithm: NDArray[np.float64], before: NDArray[np.float64], is_present: NDArray[np.bool_]
) -> NDArray[np.float64]:
    # The mean amplitude, not the mean logarithm: a station recorded at 40 Hz has nothing above 20 Hz, and
    # those empty bins must not pull down the floor that makes them count little.
    level = np.log(np.exp(before).mean(axis=-1, keepdims=True))
    floor = level - FLOOR_NP
    rise = np.maximum(logarithm, floor) - np.maximum(before, floor)
    return np.where(is_present, SCALE * rise, 0.0)


TRANSFORMS: Final[Mapping[str, FeatureTransform]] = MappingProxyType(
    {
        transform.id: transform
        for transform in (
            # |rfft| of the z-scored window, bins 0 … n/2 in order.
            FeatureTransform(
                id="zscore-rfft/1", needs_background=False, is_spectral=True, function=_zscore_rfft
            ),
            # log(1 + |rfft|) of the z-scored window.
            FeatureTransform(
                id="zscore-rfft-log/1", needs_background=False, is_spectral=True, function=_zscore_rfft_log
            ),
            # Bin order of the networks' reference implementation: no bin 0, falling but for the first.
            FeatureTransform(
                id="zscore-fft-reference/1",
                needs_background=False,
                is_spectral=True,
                function=_zscore_fft_reference,
            ),
            # The z-scored samples themselves.
            FeatureTransform(
                id="zscore-waveform/1", needs_background=False, is_spectral=False, function=_zscore_waveform
            ),
            # log|rfft| over the instrument's own background, floored 60 dB below its mean amplitude.
            FeatureTransform(
                id="rfft-over-background/1",
                needs_background=True,
                is_spectral=True,
                function=_rfft_over_background,
            ),
            # The same for the whole window and for each quarter of it under a Hann taper, so that the
            # network sees in which part the spectrum rose and how it went on: a knock fades, an earthquake
            # lasts.  Without the taper an onset would leak all over the spectrum of its part.
            FeatureTransform(
                id="rfft-parts-over-background/1",
                needs_background=True,
                is_spectral=True,
                function=_rfft_parts_over_background,
                n_views=1 + N_PARTS,
            ),
        )
    }
)
