"""
Samples at any rate → samples at the model's rate, band-limited; keeps no state between calls.

Each output is a weighted sum of a bounded span of inputs, evaluated by its absolute index, so its bits do
not depend on how the inputs arrived.
"""

import functools
import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from quake_stream.windowing.clock import PHASES_PER_SAMPLE
from quake_stream.windowing.spans import spans_of

MIN_RATE_HZ = 20.0
MAX_RATE_HZ = 500.0
PASS_BAND = 0.9  # cut-off (−6 dB) relative to the lower of the two Nyquist frequencies
ZERO_CROSSINGS = 10  # of the sinc on either side
KAISER_BETA = 6.2  # 65 dB in the stop band, which begins 1.1 lower Nyquist frequencies up
MAX_PHASES = 1024


class Resampler:
    """
    Kaiser-windowed sinc interpolation with a rational ratio of the rates.

    Output ``k`` belongs to the instant ``k / output_rate``, input ``n`` to ``(n + phase / 16) /
    input_rate``.  The weights come from a table of phases, which is exact where the ratio needs no more
    than `MAX_PHASES`; otherwise neighbouring rows are interpolated, at an error of about −120 dB.  Each
    row sums to 1, so a constant stays what it is.

    The method is that of Smith and Gossett, "A flexible sampling-rate conversion method" (ICASSP 1984),
    with a Kaiser window.

    Parameters
    ----------
    input_rate, output_rate
        Samples per second, exact (`rational_rate`).

    Raises
    ------
    ValueError
        The input rate is not between `MIN_RATE_HZ` and `MAX_RATE_HZ`.
    """

    def __init__(self, input_rate: Fraction, output_rate: Fraction) -> None:
        if not MIN_RATE_HZ <= input_rate <= MAX_RATE_HZ:
            raise ValueError(f"{float(input_rate)} samples per second cannot be resampled")
        ratio = input_rate / output_rate
        self._up, self._down = ratio.denominator, ratio.numerator
        # Positions of outputs between inputs are multiples of 1 / n_phases.
        self._n_phases = math.lcm(self._up, PHASES_PER_SAMPLE)
        self._n_rows = min(self._n_phases, MAX_PHASES)
        cutoff = PASS_BAND * min(1.0, float(output_rate / input_rate))
        self._half = math.ceil(ZERO_CROSSINGS / cutoff)
        self._table = _phase_table(self._n_rows, self._half, cutoff)

    @property
    def n_taps(self) -> int:
        """Number of input samples that one output depends on."""
        return 2 * self._half

    def outputs_for(self, start: int, stop: int, phase_16ths: int) -> tuple[int, int]:
        """
        Tell which outputs can be evaluated from a gap-free run of inputs.

        Parameters
        ----------
        start, stop
            Indices of the run, half-open.
        phase_16ths
            Sixteenths of a sample by which the inputs were taken after their labels.

        Returns
        -------
        tuple of int
            Half-open indices of the outputs; equal where there is none.
        """
        first = self._output_from(start + self._half - 1, phase_16ths)
        return first, max(first, self._output_from(stop - self._half, phase_16ths))

    def evaluate(
        self, samples: NDArray[np.float32], start: int, outputs: tuple[int, int], phase_16ths: int
    ) -> NDArray[np.float32]:
        """
        Evaluate outputs.

        Parameters
        ----------
        samples
            [n] gap-free inputs, the first with index ``start``.
        start
            Index of ``samples[0]``.
        outputs
            Half-open indices, within `outputs_for` of the inputs and the same ``phase_16ths``.
        phase_16ths
            As in `outputs_for`.

        Returns
        -------
        NDArray of float32
            [outputs[1] − outputs[0]].
        """
        if outputs[0] >= outputs[1]:
            return np.empty(0, np.float32)
        first_input, first_phase = self._position(outputs[0], phase_16ths)
        # Only the first position needs integers of any size; from there on int64 cannot overflow.
        steps = np.arange(outputs[1] - outputs[0], dtype=np.int64) * (
            self._down * (self._n_phases // self._up)
        )
        inputs, phases = np.divmod(steps + first_phase, self._n_phases)
        at = inputs + (first_input - self._half + 1 - start)
        spans = spans_of(samples.astype(np.float64), self.n_taps)[at]
        # Not a matrix product: BLAS may sum in an order that depends on the number of rows.
        resampled: NDArray[np.float32] = (spans * self._weights(phases)).sum(axis=1).astype(np.float32)
        return resampled

    def _output_from(self, index: int, phase_16ths: int) -> int:
        """First output whose instant is not before that of input ``index``."""
        sixteenths = index * PHASES_PER_SAMPLE + phase_16ths
        return -(-sixteenths * self._up // (PHASES_PER_SAMPLE * self._down))

    def _position(self, output: int, phase_16ths: int) -> tuple[int, int]:
        """Input at or before an output, and what remains in units of ``1 / n_phases``."""
        per_output = self._down * (self._n_phases // self._up)
        per_16th = self._n_phases // PHASES_PER_SAMPLE
        return divmod(output * per_output - phase_16ths * per_16th, self._n_phases)

    def _weights(self, phases: NDArray[np.int64]) -> NDArray[np.float64]:
        if self._n_rows == self._n_phases:
            return self._table[phases]
        rows, rest = np.divmod(phases * self._n_rows, self._n_phases)
        share = (rest / self._n_phases)[:, np.newaxis]
        weights: NDArray[np.float64] = self._table[rows] * (1 - share) + self._table[rows + 1] * share
        return weights


@functools.lru_cache(maxsize=64)  # thousands of traces share a few rates; the table is read-only
def _phase_table(n_rows: int, half: int, cutoff: float) -> NDArray[np.float64]:
    """Weights [n_rows + 1, 2 · half] of the inputs around an output that lies row / n_rows after one."""
    distance = np.arange(1 - half, half + 1) - np.arange(n_rows + 1)[:, np.newaxis] / n_rows
    inside = np.sqrt(np.clip(1 - (distance / half) ** 2, 0, None))
    table = np.sinc(cutoff * distance) * np.i0(KAISER_BETA * inside)
    table /= table.sum(axis=1, keepdims=True)
    table.flags.writeable = False
    return table
