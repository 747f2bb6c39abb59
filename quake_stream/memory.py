"""Have the C library keep memory that will be asked for again at once."""

import ctypes
from typing import Final

# Parameters of mallopt(3).
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_MAX: Final = -4

_KEPT_BYTES: Final = 2**31 - 1  # mallopt takes an int


def keep_freed_memory() -> bool:
    """
    Stop glibc from giving freed memory back to the system; whether it took that.

    Each batch through a network allocates the same megabytes again, a step of training hundreds of them,
    and each record a few kilobytes at the end of the heap.  By default glibc maps large blocks anew and
    gives the end of the heap back, so that the kernel clears the same pages again and again: up to a fifth of
    the time of inference, more than half of that of training.  The process stays as large as it once was.
    False with other C libraries, where nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return all(mallopt(which, value) for which, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _KEPT_BYTES)))
