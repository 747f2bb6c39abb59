"""
Play recordings faster or slower, so that the network hears earthquakes and disturbances of other sizes.

Faster, S follows P sooner and frequencies rise: a small, close earthquake; slower, one that is farther or
larger.  Background is treated alike, so that speed itself tells nothing.
"""

import dataclasses
import math
from typing import Final

import numpy as np
from scipy import signal

from quake_stream.training.cuts import N_CUT
from quake_stream.training.examples import Example

SPEEDS: Final = ((5, 4), (5, 6), (2, 3))
"""(samples out, samples in): 0.8, 1.2 and 1.5 times as fast."""

_N_EDGE: Final = 64  # samples beside what is wanted, where the filter of the resampler ends
_N_AFTER_P: Final = 1600  # samples kept after P, in which S of a close earthquake lies


def stretch(example: Example, rng: np.random.Generator) -> Example:
    """
    Return the part of a recording that a cut can come from, at a speed drawn from `SPEEDS`.

    Around P of an event, anywhere in background.  The recording itself comes back where the part is too
    short to cut from.
    """
    up, down = SPEEDS[int(rng.integers(len(SPEEDS)))]
    n_wanted = math.ceil((N_CUT + 2 * _N_EDGE) * down / up)
    if example.is_event:
        first = example.p_index - n_wanted
        last = example.p_index + math.ceil(_N_AFTER_P * down / up)
    else:
        first = int(rng.integers(example.noise[0], max(example.noise[1] - n_wanted, example.noise[0]) + 1))
        last = first + n_wanted
    first, last = max(0, first), min(last, example.n_samples)
    if last - first < n_wanted // 2:
        return example
    samples = signal.resample_poly(example.samples[:, first:last], up, down, axis=1)

    def moved(index: int) -> int:
        return round((index - first) * up / down)

    n = samples.shape[1]
    return dataclasses.replace(
        example,
        samples=samples.astype(np.float32, copy=False),
        p_index=moved(example.p_index) if example.is_event else -1,
        s_index=moved(example.s_index) if first <= example.s_index < last else -1,
        noise=(min(max(moved(example.noise[0]), 0), n), min(max(moved(example.noise[1]), 0), n)),
    )
