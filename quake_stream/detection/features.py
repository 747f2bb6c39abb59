"""
Samples → what a model looks at: the named feature transforms.  Pure: arrays in, arrays out.

A model card names its transform by `FeatureTransform.id`, so the arithmetic behind an id never changes:
a better one gets a new id.  Nothing here knows instruments, time or gaps; the background is an argument.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.detection.over_background import (
    N_VIEWS,
    bands_over_background,
    bins_over_background,
    n_bands,
)
from quake_stream.detection.spectra import (
    Features,
    Samples,
    amplitude,
    components_first,
    components_last,
    demeaned,
    n_spectrum_bins,
)


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
    return components_last(_zscored(components_first(samples)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureTransform:
    """
    A feature transform by the name that model cards use.

    ``needs_background`` says whether the mean log spectrum of what went before must be given; ``n_steps``
    how long the sequence is for a number of samples (ValueError if it cannot be), and ``n_views`` how many
    channels each component becomes.
    """

    id: str
    needs_background: bool
    n_steps: Callable[[int], int]
    function: Callable[[Samples, Features | None], Features]
    n_views: int = 1

    def n_channels(self, n_components: int) -> int:
        """Length of the features' last axis: views of all components, view after view."""
        return self.n_views * n_components

    def __call__(self, samples: Samples, background: Features | None = None) -> Features:
        """
        Transform a batch of windows.

        Parameters
        ----------
        samples
            float32 [batch, n_samples, components]; a component that is absent is 0 throughout.
        background
            float32 [batch, n_samples // 2 + 1, components]: mean of `log_spectrum` over the frames before
            each window.  Ignored unless ``needs_background``.

        Returns
        -------
        float32 [batch, steps, channels], C-contiguous; absent components are exactly 0.

        Raises
        ------
        ValueError
            A shape does not fit, or the background that the transform needs was not given.
        """
        if samples.ndim != 3:
            raise ValueError(f"samples have shape {samples.shape}, not [batch, n_samples, components]")
        n_batch, n_samples, n_components = samples.shape
        self.n_steps(n_samples)
        if self.needs_background:
            shape = (n_batch, n_spectrum_bins(n_samples), n_components)
            if background is None or background.shape != shape:
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


def _zscored(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = demeaned(values)
    deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True))
    # Sums of float32 values are exact in float64, so a constant component has a deviation of exactly 0.
    return centred / np.where(deviation > 0, deviation, 1.0)


def _zscore_waveform(samples: Samples, _background: Features | None) -> Features:
    return zscore(samples)


def _zscore_rfft(samples: Samples, _background: Features | None) -> Features:
    return components_last(amplitude(_zscored(components_first(samples))))


def _zscore_rfft_log(samples: Samples, _background: Features | None) -> Features:
    return components_last(np.log1p(amplitude(_zscored(components_first(samples)))))


def _zscore_fft_reference(samples: Samples, _background: Features | None) -> Features:
    # The upper half of a full transform: bins n/2-1 … n-1 of n, which mirror n/2-1, n/2, n/2-1, …, 1.
    spectrum = amplitude(_zscored(components_first(samples)))
    n = samples.shape[-2]
    bins = np.arange(n // 2 - 1, n)
    return components_last(spectrum[..., np.minimum(bins, n - bins)])


def _given(
    function: Callable[[Samples, Features], Features],
) -> Callable[[Samples, Features | None], Features]:
    """Let a function that needs a background have one; `FeatureTransform` has checked that it is there."""

    def with_background(samples: Samples, background: Features | None) -> Features:
        if background is None:
            raise ValueError("no background")
        return function(samples, background)

    return with_background


def _n_samples(n_samples: int) -> int:
    return n_samples


TRANSFORMS: Final[Mapping[str, FeatureTransform]] = MappingProxyType(
    {
        transform.id: transform
        for transform in (
            # |rfft| of the z-scored window, bins 0 … n/2 in order.
            FeatureTransform(
                id="zscore-rfft/1", needs_background=False, n_steps=n_spectrum_bins, function=_zscore_rfft
            ),
            # log(1 + |rfft|) of the z-scored window.
            FeatureTransform(
                id="zscore-rfft-log/1",
                needs_background=False,
                n_steps=n_spectrum_bins,
                function=_zscore_rfft_log,
            ),
            # Bin order of the networks' reference implementation: no bin 0, falling but for the first.
            FeatureTransform(
                id="zscore-fft-reference/1",
                needs_background=False,
                n_steps=n_spectrum_bins,
                function=_zscore_fft_reference,
            ),
            # The z-scored samples themselves.
            FeatureTransform(
                id="zscore-waveform/1", needs_background=False, n_steps=_n_samples, function=_zscore_waveform
            ),
            # log|rfft| over the instrument's own background, floored 60 dB below its mean amplitude.
            FeatureTransform(
                id="rfft-over-background/1",
                needs_background=True,
                n_steps=n_spectrum_bins,
                function=_given(bins_over_background),
            ),
            # The same in bands, for the whole window and its parts down to sixteenths, so that the network
            # sees when the spectrum rose and how it went on: a knock fades, an earthquake lasts.
            FeatureTransform(
                id="rfft-bands-over-background/1",
                needs_background=True,
                n_steps=n_bands,
                function=_given(bands_over_background),
                n_views=N_VIEWS,
            ),
        )
    }
)
