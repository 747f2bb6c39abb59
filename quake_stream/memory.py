"""Keep the heap of a process that runs for months as small as what it holds."""

import ctypes
from typing import Final

# Parameters of mallopt(3).
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3

_LARGE_BYTES: Final = 128 * 1024  # glibc's own choice, until it changes its mind
_KEPT_BYTES: Final = 256 * 2**20


def keep_large_blocks_apart() -> bool:
    """
    Have glibc map large blocks apart from the heap for good; whether it took that.

    Once a large block was freed, glibc takes all of its size from the heap.  There the arrays of batches
    lie between the samples of waiting packets, so each backlog leaves holes that the next one does not
    fit into, and the heap grows for days although no more is in use.  What is freed at the end of the heap
    is kept: giving it back after each record costs more than decoding the record.  False with other C
    libraries, where nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    settings = ((_M_MMAP_THRESHOLD, _LARGE_BYTES), (_M_TRIM_THRESHOLD, _KEPT_BYTES))
    return all(mallopt(which, value) for which, value in settings)
