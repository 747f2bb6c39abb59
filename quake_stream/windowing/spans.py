"""
Every span of successive samples as one array, without a copy.

``numpy.lib.stride_tricks.sliding_window_view`` does the same, but costs 20 µs a call: as much as all else
that happens to a packet.
"""

import numpy as np
from numpy.typing import NDArray


def spans_of(samples: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """
    View all spans of ``n`` samples.

    Parameters
    ----------
    samples
        [..., m], m ≥ n.
    n
        Length of a span.

    Returns
    -------
    NDArray of float64
        [..., m − n + 1, n]; the spans share memory with ``samples`` where that is contiguous, so do not
        write to them.
    """
    samples = np.ascontiguousarray(samples)
    shape = (*samples.shape[:-1], samples.shape[-1] - n + 1, n)
    # The constructor checks that shape and strides stay inside the buffer.
    return np.ndarray(shape, np.float64, samples, strides=(*samples.strides, samples.itemsize))
