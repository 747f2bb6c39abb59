"""
What of a labelled recording is kept: the part around P and the background before it, high-passed.

Its coda is kept as far as a later earthquake can be laid on it.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.training.conditioning import N_SETTLE, highpass
from quake_stream.training.examples import RATE_HZ, Example

# Enough before P for the background of the earliest window, and the first of the S wave.
BEFORE_P_S: Final = 26.0
AFTER_P_S: Final = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """
    What is known about a trace, in samples at 100 Hz from its start.

    ``p`` and ``s`` are -1 where there is none; samples outside ``valid`` (start, stop) are padding;
    ``noise`` (start, stop) is background, as far as it is valid and lies before P.
    """

    p: int
    s: int
    valid: tuple[int, int]
    noise: tuple[int, int]


def extract(trace: NDArray[np.float32], marks: Marks, /, **description: Any) -> Example | None:
    """
    Cut a trace to what is valid and near P, high-pass it, and move the marks accordingly.

    Parameters
    ----------
    trace
        float [3, n] at 100 Hz in channel order, any unit; a component that never moves is absent.
    marks
        Of the trace.
    description
        The other fields of the example.

    Returns
    -------
    None where nothing usable is left.
    """
    start, stop = marks.valid
    is_event = marks.p >= 0
    if is_event:
        start, stop = _around_p(marks, start, stop)
    if stop - start < 3 * N_SETTLE:
        return None
    samples = highpass(trace[:, start:stop])
    samples[np.ptp(trace[:, start:stop], axis=1) == 0] = 0.0
    if not samples.any() or not np.isfinite(samples).all():
        return None
    shift = start + N_SETTLE
    n = samples.shape[1]
    noise_start, noise_stop = marks.noise
    return Example(
        samples=samples,
        p_index=marks.p - shift if is_event else -1,
        s_index=marks.s - shift if is_event and marks.s >= 0 else -1,
        noise=(min(max(noise_start - shift, 0), n), min(max(noise_stop - shift, 0), n)),
        **description,
    )


def _around_p(marks: Marks, start: int, stop: int) -> tuple[int, int]:
    first, last = marks.p - round(BEFORE_P_S * RATE_HZ), marks.p + round(AFTER_P_S * RATE_HZ)
    return max(start, first), min(stop, last)
