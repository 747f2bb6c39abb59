"""
Ring buffer of samples that are addressed by absolute index; knows nothing about time or stations.

What was written first stays; what was never written is never read.
"""

from bisect import bisect_left, bisect_right
from itertools import pairwise
from sys import maxsize

import numpy as np
from numpy.typing import NDArray

Run = tuple[int, int]
"""Indices from the first to one after the last."""


class RingBuffer:
    """
    The newest ``capacity`` indices of one trace, as float32.

    float32 holds whole counts of up to 24 bits exactly, which is the most that a seismic digitizer
    resolves.  Memory is bounded by ``capacity``; the list of runs stays short, since each hole ends one.

    Parameters
    ----------
    capacity
        Number of indices kept behind `head`.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._data = np.empty(0, np.float32)  # of `capacity` from the first sample on
        self._runs: list[Run] = []
        self._head = 0
        self._origin = 0  # index that is stored at _data[0]

    @property
    def capacity(self) -> int:
        """Number of indices that are kept."""
        return self._capacity

    @property
    def head(self) -> int:
        """Index after the newest sample; 0 where nothing has been written yet."""
        return self._head

    @property
    def tail(self) -> int:
        """Oldest index that can be held; older samples are gone."""
        return self._head - self._capacity

    @property
    def runs(self) -> tuple[Run, ...]:
        """Half-open runs of samples that are held, in order."""
        return tuple(self._runs)

    @property
    def is_empty(self) -> bool:
        """Whether no sample is held."""
        return not self._runs

    def write(self, start: int, samples: NDArray[np.float32]) -> list[Run]:
        """
        Write samples where none are held yet.

        Parameters
        ----------
        start
            Index of ``samples[0]``; samples before `tail` are left out.
        samples
            [n] float32.

        Returns
        -------
        list of Run
            The runs that are new, in order; empty where all was there before.
        """
        stop = start + len(samples)
        if start < stop and (self.is_empty or stop > self._head):
            self._move_head(stop)
        new = self.holes(start, stop)
        for first, last in new:
            self._store(first, samples[first - start : last - start])
            self._insert(first, last)
        return new

    def holes(self, start: int, stop: int) -> list[Run]:
        """List the runs between ``start`` and ``stop`` that are not held; what lies before `tail` is left out."""
        start = max(start, self.tail)
        if start >= stop:
            return []
        held = self._runs[bisect_right(self._runs, start, key=_stop_of) :]
        edges = [(start, start), *((a, b) for a, b in held if a < stop), (stop, stop)]
        return [(a, b) for (_, a), (b, _) in pairwise(edges) if a < b]

    def run_at(self, index: int) -> Run | None:
        """Find the run that holds ``index``; None where none does."""
        i = bisect_right(self._runs, (index, maxsize)) - 1
        return self._runs[i] if i >= 0 and self._runs[i][1] > index else None

    def is_complete(self, start: int, stop: int) -> bool:
        """Whether all samples from ``start`` to ``stop`` are held."""
        if self._runs and self._runs[-1][0] <= start:  # nearly always: nobody asks for old samples
            return stop <= self._runs[-1][1]
        run = self.run_at(start)
        return run is not None and run[1] >= stop

    def read(self, start: int, stop: int) -> NDArray[np.float32] | None:
        """Copy of the samples from ``start`` to ``stop``, or None where one is missing."""
        out = np.empty(stop - start, np.float32)
        return out if self.read_into(out, start) else None

    def read_into(self, out: NDArray[np.float32], start: int) -> bool:
        """Copy the samples from ``start`` on into ``out`` [n]; False, with ``out`` as it was, if one is missing."""
        n = len(out)
        if not self.is_complete(start, start + n):
            return False
        # Slices, as `np.take(mode="wrap")` subtracts in a loop and grows slower with the index.
        at = (start - self._origin) % self._capacity
        n_first = min(n, self._capacity - at)
        out[:n_first] = self._data[at : at + n_first]
        out[n_first:] = self._data[: n - n_first]
        return True

    def n_conflicting(self, start: int, samples: NDArray[np.float32]) -> int:
        """Count the samples that differ from what is held at their place."""
        total = 0
        for first, last in self._runs:
            lo, hi = max(first, start), min(last, start + len(samples))
            if lo < hi:
                held = np.empty(hi - lo, np.float32)
                self.read_into(held, lo)
                total += int(np.count_nonzero(held != samples[lo - start : hi - start]))
        return total

    def shift(self, n: int) -> None:
        """Add ``n`` to the index of every sample."""
        self._runs = [(a + n, b + n) for a, b in self._runs]
        self._origin += n
        self._head += n

    def grow(self, capacity: int) -> None:
        """Keep ``capacity`` indices from now on; what is held stays."""
        held = RingBuffer(max(capacity, self.capacity))
        for first, last in self._runs:
            samples = self.read(first, last)
            assert samples is not None
            held.write(first, samples)
        self._capacity, self._data, self._origin = held._capacity, held._data, 0

    def clear(self) -> None:
        """Forget all samples, and give back their memory."""
        self._runs.clear()
        self._head = 0
        self._data = np.empty(0, np.float32)

    def _move_head(self, head: int) -> None:
        self._head = head
        tail = self.tail
        if self._runs and self._runs[0][0] < tail:
            self._runs = [(max(a, tail), b) for a, b in self._runs if b > tail]

    def _store(self, start: int, samples: NDArray[np.float32]) -> None:
        if not len(self._data):
            self._data = np.empty(self._capacity, np.float32)
        at = (start - self._origin) % self._capacity
        n_first = min(len(samples), self._capacity - at)
        self._data[at : at + n_first] = samples[:n_first]
        self._data[: len(samples) - n_first] = samples[n_first:]

    def _insert(self, start: int, stop: int) -> None:
        i = bisect_left(self._runs, (start, stop))
        first, last = i, i
        if i > 0 and self._runs[i - 1][1] == start:
            first, start = i - 1, self._runs[i - 1][0]
        if i < len(self._runs) and self._runs[i][0] == stop:
            last, stop = i + 1, self._runs[i][1]
        self._runs[first:last] = [(start, stop)]


def _stop_of(run: Run) -> int:
    return run[1]
