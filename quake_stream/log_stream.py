"""A stream for logs that can neither end nor hold up the service; knows nothing of what is written."""

import select
from typing import TextIO

# How long a reader may take to make room; more than that, and lines are lost until it has.
_PATIENCE_MS = 500


class UnbreakableStream:
    """
    A text stream that loses lines where another would fail or wait.

    A closed pipe, a full disk, a journald that is restarted or hangs, a terminal that is held: each costs
    lines, nothing more.  `n_lost` counts them until a line goes through again.  A pipe or socket that has
    room takes 4 KiB without waiting, so lines should be shorter.
    """

    def __init__(self, stream: TextIO) -> None:
        self.n_lost = 0
        self._stream = stream
        self._poll: select.poll | None = None
        try:
            descriptor = stream.fileno()
        except (OSError, ValueError):  # a stream in memory, or a closed one
            return
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, text: str) -> int:
        """Write a line and flush; returns 0 if it is lost."""
        try:
            if self._has_room():
                n_written = self._stream.write(text)
                self._stream.flush()
                self.n_lost = 0
                return n_written
        except (OSError, ValueError):  # ValueError: the stream was closed
            pass
        self.n_lost += 1
        return 0

    def flush(self) -> None:
        """Do nothing: `write` flushes."""

    def _has_room(self) -> bool:
        return self._poll is None or bool(self._poll.poll(0 if self.n_lost else _PATIENCE_MS))
