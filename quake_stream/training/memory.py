"""Have the C library keep large blocks of memory, which a training asks for again at once."""

import ctypes
from typing import Final

# Parameters of mallopt(3).
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_MAX: Final = -4

_KEPT_BYTES: Final = 2**31 - 1  # mallopt takes an int


def keep_freed_memory() -> bool:
    """
    Stop glibc from giving large blocks back to the system; whether it took that.

    Each step of a training allocates the same hundreds of megabytes.  By default glibc maps each block anew
    and unmaps it, so that the kernel clears every page again and again: most of the time of a step on a
    CPU.  False with other C libraries, where nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return all(mallopt(which, value) for which, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _KEPT_BYTES)))
