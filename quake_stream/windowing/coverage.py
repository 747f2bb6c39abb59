"""
Which windows a trace can no longer complete: arithmetic on runs, however long the gap.

Keeps no state and counts nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

from quake_stream.windowing.ring import Run
from quake_stream.windowing.trace import Trace


class Lost(NamedTuple):
    """Numbers of successive windows that cannot be complete, first those over a hole."""

    n_gap: int
    n_warming_up: int


def next_start(index: int, hop: int) -> int:
    """Find the first multiple of ``hop`` that is not before ``index``."""
    return -(-index // hop) * hop


def undecided_start(head: int, n: int, hop: int) -> int:
    """Find the first window of ``n`` samples that ends after ``head``, so that its data may still come."""
    return next_start(head - n + 1, hop)


def count_lost(trace: Trace, start: int, n: int, hop: int) -> Lost:
    """
    Count the windows, from the one at ``start`` on, that the trace cannot complete any more.

    Parameters
    ----------
    trace
        One component.
    start
        First sample of the window to decide next, a multiple of ``hop``.
    n, hop
        Window length and distance, in samples.

    Returns
    -------
    Lost
        Windows over a hole, then windows for which the high-pass lacks its span; both 0 where the window
        at ``start`` is complete or may become so.
    """
    raw, ready = trace.raw, trace.ready
    if raw.is_empty or raw.head < start + n or ready.is_complete(start, start + n):
        return Lost(0, 0)
    undecided = undecided_start(raw.head, n, hop)
    after_gap = min(_first_fit(raw.runs, start, n, hop), undecided)
    runs = ready.runs
    if trace.serves_from >= ready.head:
        runs += ((trace.serves_from, trace.serves_from),)  # nothing of the newest run is ready yet
    after = min(max(_first_fit(runs, start, n, hop), after_gap), undecided)
    return Lost((after_gap - start) // hop, (after - after_gap) // hop)


def _first_fit(runs: Iterable[Run], start: int, n: int, hop: int) -> int:
    """First window from ``start`` on inside one of the runs, of which the last one may still grow."""
    candidate = start
    for first, last in runs:
        candidate = next_start(max(start, first), hop)
        if candidate + n <= last:
            break
    return candidate
