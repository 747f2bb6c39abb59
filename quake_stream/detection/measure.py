"""What is measured on the samples of a detection: onset, amplitude, signal-to-noise ratio.  Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quake_stream.types import NS_PER_S, ModelSpec, Window

ONSET_MARGIN_S = 3.0  # noise before the triggering window, for the picker to know it by
SNR_MIN_S = 0.5  # the rms of less says little


class OnsetPicker(Protocol):
    """Find the first arrival in a stretch of samples; injected, so that the core needs no library for it."""

    def __call__(self, samples: NDArray[np.float32], sample_rate_hz: float, /) -> tuple[float, float]:
        """
        Return the index of the onset in ``samples`` [n] and its uncertainty in seconds.

        The uncertainty is one standard deviation, above 0.
        """
        ...


class SampleReader(Protocol):
    """Where samples are read: an `quake_stream.windowing.assembler.Assembler`."""

    def read(
        self, start_index: int, n: int, components: Sequence[str], /, *, filtered: bool
    ) -> NDArray[np.float32] | None:
        """Return float32 [n, components], or None where these are not, or no longer, complete."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a detection says about its samples; ``snr_db`` is None where it cannot be measured."""

    onset_ns: int
    onset_uncertainty_s: float
    amplitude_counts: float
    snr_db: float | None


class Measurer:
    """
    Measure the detections of one instrument.

    ``pick_onset`` refines the onset; without it, all that is known is that the onset lies in the
    triggering window.
    """

    def __init__(self, *, spec: ModelSpec, reader: SampleReader, pick_onset: OnsetPicker | None) -> None:
        self._spec = spec
        self._reader = reader
        self._pick_onset = pick_onset

    def begin(self, first: Window, last: Window) -> Measurement:
        """Measure a new detection between its triggering window and the latest one."""
        stop = last.start_index + self._spec.n_samples
        onset_ns, uncertainty_s, ratio_db = self._onset(first, stop)
        return Measurement(
            onset_ns=onset_ns,
            onset_uncertainty_s=uncertainty_s,
            amplitude_counts=self._amplitude(first.start_index, stop, last.components),
            snr_db=ratio_db,
        )

    def go_on(self, measured: Measurement, window: Window) -> Measurement:
        """Follow the amplitude of a detection into its next window."""
        stop = window.start_index + self._spec.n_samples
        amplitude = self._amplitude(window.start_index, stop, window.components)
        return replace(measured, amplitude_counts=max(measured.amplitude_counts, amplitude))

    def _onset(self, first: Window, stop: int) -> tuple[int, float, float | None]:
        """Onset (UTC ns), its uncertainty (s) and the ratio of the vertical (dB) after and before it."""
        rate_hz = self._spec.sample_rate_hz
        samples = None
        for start in (first.start_index - round(ONSET_MARGIN_S * rate_hz), first.start_index):
            samples = self._reader.read(start, stop - start, first.components[:1], filtered=True)
            if samples is not None:
                break
        if samples is None or self._pick_onset is None:
            window_s = self._spec.n_samples / rate_hz
            return (first.start_ns + first.end_ns) // 2, window_s / math.sqrt(12), None
        vertical = samples[:, 0]
        index, uncertainty_s = self._pick_onset(vertical, rate_hz)
        onset_ns = first.start_ns + round((start - first.start_index + index) * NS_PER_S / rate_hz)
        return onset_ns, uncertainty_s, snr_db(vertical, index, min_samples=round(SNR_MIN_S * rate_hz))

    def _amplitude(self, start: int, stop: int, components: tuple[str, ...]) -> float:
        samples = self._reader.read(start, stop - start, components, filtered=False)
        # The windows were scored a moment ago; only a trace that began anew since has lost them.
        return 0.0 if samples is None else peak_amplitude(samples)


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
