"""Standard streams that are closed: the reader of results stopped, as ``head`` does, or there never was one."""

import functools
import os
import sys
from collections.abc import Callable


def until_reader_leaves(command: Callable[..., None]) -> Callable[..., None]:
    """End a command that prints results well when their reader is gone, as in ``… scan … | head``."""

    @functools.wraps(command)
    def wrapped(*args: object, **kwargs: object) -> None:
        try:
            command(*args, **kwargs)
        except BrokenPipeError:
            # What is still in the buffer must not fail a second time when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return wrapped


def open_standard_streams() -> None:
    """Put the null device where the caller gave none: else the next file opened would get what is printed."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    for name, descriptor in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, "w" if descriptor else "r", encoding="utf-8"))
