"""
Causal Butterworth high-pass with a finite memory; keeps no state between calls.

A recursive filter remembers its start for ever, so what it gives would depend on when the service was
started.  Its impulse response is therefore cut off where it has died away.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from quake_stream.windowing.spans import spans_of

ORDER = 2
TRUNCATION = 1e-9  # 180 dB, beyond the 24 bits (144 dB) of a seismic digitizer


class HighPass:
    """
    Second-order Butterworth high-pass, realised as a finite impulse response.

    The design is that of ``scipy.signal.butter`` (bilinear transform); the response is truncated where it
    has decayed to `TRUNCATION`, after about 4.7 s for a corner of 1 Hz.  The taps act on the differences
    of successive samples: the filter's zero at 0 Hz is then kept exactly, and a constant offset of any
    size gives exactly 0.

    Parameters
    ----------
    highpass_hz
        Corner frequency (−3 dB).
    sample_rate_hz
        Rate of the samples.

    Raises
    ------
    ValueError
        The corner is not between 0 and the Nyquist frequency.
    """

    def __init__(self, highpass_hz: float, sample_rate_hz: float) -> None:
        if not 0 < highpass_hz < sample_rate_hz / 2:
            raise ValueError(f"a corner of {highpass_hz} Hz does not fit {sample_rate_hz} samples per second")
        b, a = signal.butter(ORDER, highpass_hz, btype="highpass", fs=sample_rate_hz)
        decay = float(np.abs(np.roots(a)).max())  # of the impulse response, per sample
        n_differences = math.ceil(math.log(TRUNCATION) / math.log(decay))
        impulse = np.zeros(n_differences)
        impulse[0] = 1.0
        # b / (1 − z⁻¹): what remains of the numerator when the differences are taken beforehand.
        response = signal.lfilter(np.cumsum(b)[:ORDER], a, impulse)
        self._taps = np.ascontiguousarray(response[::-1], dtype=np.float64)
        self.n_taps = n_differences + 1
        """Number of input samples that one output depends on."""

    def apply(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """
        Filter gap-free samples.

        Parameters
        ----------
        samples
            [..., n], one trace along the last axis.

        Returns
        -------
        NDArray of float32
            [..., n − n_taps + 1]; element i belongs to the sample i + n_taps − 1, the last that it
            depends on.  Empty where n is too short.  Computed in float64; the same bits for a sample
            whatever else is in ``samples``.
        """
        n_outputs = samples.shape[-1] - self.n_taps + 1
        if n_outputs <= 0:
            return np.empty((*samples.shape[:-1], 0), np.float32)
        differences = np.diff(samples.astype(np.float64))
        spans = spans_of(differences, len(self._taps))
        # Not `np.convolve`: that calls BLAS, where some kernels sum in an order that depends on the
        # alignment of the data in memory.  `einsum` sums every row in the same order.
        filtered: NDArray[np.float32] = np.einsum("...j,j->...", spans, self._taps).astype(np.float32)
        return filtered
