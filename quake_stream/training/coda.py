"""
Sequences: an earthquake in the coda of an earlier one, and coda in which nothing begins.  NumPy, seeded.

Recordings to learn from begin in silence.  In a swarm or among aftershocks the background of a window
holds other earthquakes, often louder than the one that the window shows.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.training.augment import HIGHEST_SNR_DB, LOWEST_SNR_DB
from quake_stream.training.cuts import (
    N_CUT,
    N_MEMORY,
    N_SHORTEST_MEMORY,
    N_WINDOW,
    Cut,
    without_beginning,
)
from quake_stream.training.examples import RATE_HZ, Example

Rng = np.random.Generator

_N_BEFORE: Final = (200, 1700)  # samples by which P of the earlier earthquake precedes P of the later one
_N_LEVEL: Final = 200  # of which levels are taken: of coda just before P, of the earthquake just after
_N_PEAK: Final = 150
_N_LATE: Final = 1500  # samples of late coda that are used

_EARLIEST_LATE: Final = round(8 * RATE_HZ)  # after P
_LATE_AFTER_S: Final = round(3 * RATE_HZ)  # and after S, beside twice the time from P to S


def lay_on_coda(cut: Cut, onset: int, earlier: Example, rng: Rng, *, only_louder: bool) -> Cut | None:
    """
    Add an earlier earthquake, so that the later one is 4-25 dB above its coda.

    Parameters
    ----------
    cut
        Of the later earthquake.
    onset
        Index of its P in the cut.
    earlier
        Recording of the earlier earthquake.
    rng
        Source of randomness.
    only_louder
        Whether the earlier one must have a higher peak than the later one has after its P.

    Returns
    -------
    None where the two do not fit: the recording is too short, lacks a component or is not loud enough.
    """
    start = earlier.p_index - (onset - int(rng.integers(*_N_BEFORE)))
    n_missing = max(cut.n_missing, -start)
    is_long_enough = start + N_CUT <= earlier.n_samples and n_missing <= N_MEMORY - N_SHORTEST_MEMORY
    if not (is_long_enough and 0 <= onset < N_CUT - 20):
        return None
    coda = np.zeros_like(cut.samples)
    coda[:, max(0, -start) :] = earlier.samples[:, max(0, start) : start + N_CUT]
    is_present = cut.samples.any(axis=1)
    coda_level = _loudest(coda[:, max(0, onset - _N_LEVEL) : onset])
    if coda_level == 0 or not (is_present <= coda.any(axis=1)).all():
        return None
    wanted = 10 ** (rng.uniform(LOWEST_SNR_DB, HIGHEST_SNR_DB) / 20)
    coda *= np.float32(_loudest(cut.samples[:, onset : onset + _N_LEVEL]) / coda_level / wanted)
    if only_louder and _peak(coda[:, : max(onset - 50, 1)]) < _peak(cut.samples[:, onset : onset + _N_PEAK]):
        return None
    samples = cut.samples + coda
    samples[~is_present] = 0.0
    return without_beginning(samples, n_missing, cut.phase)


def late_coda(example: Example) -> tuple[int, int]:
    """
    Range (inclusive) of the starts of windows in which an earthquake dies away; empty where first > last.

    From 8 s after P and 3 s after twice the time from P to S has passed since S; empty where S is not known.
    """
    p, s = example.p_index, example.s_index
    if not example.is_event or s < 0:
        return 0, -1
    first = max(p + _EARLIEST_LATE, s + 2 * (s - p) + _LATE_AFTER_S)
    return first, min(first + _N_LATE, example.n_samples - N_WINDOW)


def _loudest(samples: NDArray[np.float32]) -> float:
    """Rms of the loudest component; 0 where there is nothing."""
    return float(samples.std(axis=1).max()) if samples.shape[1] else 0.0


def _peak(samples: NDArray[np.float32]) -> float:
    return float(np.abs(samples).max())
