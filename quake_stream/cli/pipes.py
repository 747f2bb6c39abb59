"""Results may be piped to a program that stops reading, as ``head`` does: that is no failure."""

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
