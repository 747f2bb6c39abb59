"""How a process that runs for months treats its memory: what it keeps, and where it looks for garbage."""

import ctypes
import gc
from typing import Final

# Parameters of mallopt(3).
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_MAX: Final = -4

_FULL_SEARCH_AFTER: Final = 2  # searches of the middle generation; Python's own choice is 10

_KEPT_BYTES: Final = 2**31 - 1  # mallopt takes an int


def keep_freed_memory() -> bool:
    """
    Stop glibc from giving freed memory back to the system; whether it took that.

    Each batch through a network allocates the same megabytes again, a step of training hundreds of them,
    and each record a few kilobytes at the end of the heap.  By default glibc maps large blocks anew and
    gives the end of the heap back, so that the kernel clears the same pages again and again: up to a fifth of
    the time of inference, up to two thirds of that of training.  `give_back_holes` undoes it now and then.
    False with other C libraries, where nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return all(mallopt(which, value) for which, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _KEPT_BYTES)))


def give_back_holes() -> bool:
    """
    Give whole free pages of the heap back to the system, also those between what is in use; whether it did.

    Each backlog leaves such holes, which the next one does not quite fit into, so that without this a
    process grows for months although no more is in use.  Takes milliseconds; what is needed again costs its
    page faults once.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except AttributeError:
        return False
    return bool(trim(0))


def look_for_garbage_often() -> None:
    """
    Search for what refers to itself five times as often, and leave out all objects that exist now.

    Python searches everything only after tens of thousands of new objects, and once these make up a quarter
    of all; modules alone are a hundred thousand.  The traceback of a refused connection, say, refers to
    itself: such things would pile up to megabytes before they are freed.  Without what was loaded at the
    start a search takes milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # Python measures "a quarter" by what the last full search left
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _FULL_SEARCH_AFTER)
