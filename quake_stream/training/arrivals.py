"""
Check an automatic P time against the recording: energy must rise there, not a second away.

A mark 2 s early makes background of what is shown as an earthquake.  Analysts' marks are not checked.
"""

from typing import Final, TypeGuard

import numpy as np
from numpy.typing import NDArray
from obspy.signal.trigger import aic_simple

from quake_stream.counters import Counters
from quake_stream.training.examples import RATE_HZ, Example

ANALYST: Final = ("analyst", "manual")
"""Values of ``p_source`` whose P times are taken as they are."""

MOST_OFF_S: Final = 1.0
SEARCHED_S: Final = 5.0  # on either side of the mark

_SHORT: Final = round(0.5 * RATE_HZ)
_LONG: Final = round(3.0 * RATE_HZ)
_BEFORE_S: Final = round(0.3 * RATE_HZ)
_SIDE: Final = round(0.1 * RATE_HZ)
_SILENCE: Final = (
    1e-9  # of the largest energy: what is below is rounding, and rises from nothing mean nothing
)
_MARGIN: Final = round(MOST_OFF_S * RATE_HZ)


def is_sound(example: Example | None, station: str, counters: Counters) -> TypeGuard[Example]:
    """Whether there is an example and its P time can be right; if not, count it as ``examples.refused``."""
    if example is None:
        counters.add("examples.refused", reason="nothing usable left", station=station)
        return False
    if example.p_source not in ANALYST and is_p_misplaced(example):
        counters.add("examples.refused", reason="energy rises over 1 s from P", station=station)
        return False
    return True


def is_p_misplaced(example: Example) -> bool:
    """
    Whether energy rises more than `MOST_OFF_S` away from the marked P.

    Two witnesses must say so, as each is drawn away by a strong S or a later phase now and then: the
    steepest rise of energy (0.5 s after over 3 s before, all components) and the AIC onset of the first
    component present.  False where there is too little around the mark to tell.
    """
    if not example.is_event:
        return False
    start, stop = _searched(example)
    if not start + _MARGIN <= example.p_index <= stop - _MARGIN:
        return False
    return all(
        abs(onset - example.p_index) > _MARGIN
        for onset in (_steepest(example, start, stop), _picked(example.samples, start, stop))
    )


def _searched(example: Example) -> tuple[int, int]:
    """Range of samples searched: not into a known S, which rises more steeply than P."""
    p, s, half = example.p_index, example.s_index, round(SEARCHED_S * RATE_HZ)
    stop = min(p + half, example.n_samples - _SHORT)
    if s > 0:
        stop = min(stop, max(s - _BEFORE_S, p + _MARGIN))
    return max(_LONG, p - half), stop


def _steepest(example: Example, start: int, stop: int) -> int:
    before = slice(max(0, example.p_index - round(12 * RATE_HZ)), max(start, example.p_index - _SHORT))
    energy = np.zeros(example.n_samples)
    for component in example.samples.astype(np.float64):
        level = max(float(np.median(component[before] ** 2)), _SILENCE * float((component**2).max()))
        if level > 0:
            energy += component**2 / level
    total = np.concatenate([[0.0], np.cumsum(energy)])
    at = np.arange(start, stop)
    after = (total[at + _SHORT] - total[at]) / _SHORT
    background = (total[at] - total[at - _LONG]) / _LONG
    return start + int(np.argmax(after / np.maximum(background, _SILENCE)))


def _picked(samples: NDArray[np.float32], start: int, stop: int) -> int:
    """Least Akaike criterion of "noise before, signal after" (Maeda 1985) in the first component present."""
    present = int(np.argmax(samples.any(axis=1)))
    # A variance of fewer samples is no variance: the criterion dips at both ends of any data.
    criterion = aic_simple(samples[present, start:stop].astype(np.float64))[_SIDE:-_SIDE]
    # Sample k of it splits behind sample k; constant samples on one side have no finite criterion.
    return start + _SIDE + 1 + int(np.argmin(np.where(np.isfinite(criterion), criterion, np.inf)))
