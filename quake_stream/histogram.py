"""
Count how often a quantity fell into which range.  Pure: no lock, clock or logging.

One thread owns one `Histogram`; any thread may take a snapshot of it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramCounts:
    """
    A histogram at one moment.

    ``counts[i]`` values were at most ``bounds[i]`` and above the bound before; the last count, one more
    than there are bounds, is of those above all bounds.  ``total`` is the sum of all values.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float

    @property
    def n(self) -> int:
        """Number of values."""
        return sum(self.counts)


class Histogram:
    """
    Counts between ascending ``bounds``.

    Raises
    ------
    ValueError
        The bounds do not ascend.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        if any(a >= b for a, b in pairwise(bounds)):
            raise ValueError(f"the bounds {list(bounds)} do not ascend")
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Count one value; a value on a bound belongs below it, as Prometheus has it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def snapshot(self) -> HistogramCounts:
        """Copy of the counts; from another thread, ``total`` may miss the value that is being counted."""
        return HistogramCounts(bounds=self._bounds, counts=tuple(self._counts), total=self._total)
