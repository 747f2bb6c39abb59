"""Streams for logs that can neither end nor hold up the service; they know nothing of what is written."""

import os
import select
import socket
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
        self._descriptor: int | None = None
        try:
            self._descriptor = stream.fileno()
        except (OSError, ValueError):  # a stream in memory, or a closed one
            return
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLOUT)

    def write(self, text: str) -> int:
        """Write a line and flush; returns 0 if it is lost."""
        try:
            if self._descriptor is None:
                n_written = self._stream.write(text)
                self.n_lost = 0
                return n_written
            if self._poll.poll(0 if self.n_lost else _PATIENCE_MS):
                # Past the stream's buffer: what is left there when writing fails would fail again at exit.
                os.write(self._descriptor, text.encode(errors="backslashreplace"))
                self.n_lost = 0
                return len(text)
        except (OSError, ValueError):  # ValueError: the stream was closed
            pass
        self.n_lost += 1
        return 0

    def flush(self) -> None:
        """Do nothing: `write` flushes."""


class JournalStream:
    """
    The socket of journald itself, which takes fields beside the line; what it refuses goes to ``fallback``.

    Each text is one entry, ``FIELD=value`` a line and ``MESSAGE`` last (systemd's "Native Journal Protocol").
    Unlike standard error, it works again after journald was stopped and started.
    """

    ADDRESS = "/run/systemd/journal/socket"

    def __init__(self, fallback: UnbreakableStream, address: str = ADDRESS) -> None:
        self._fallback = fallback
        self._address = address

    @property
    def n_lost(self) -> int:
        """Lines lost since the last one that went through."""
        return self._fallback.n_lost

    def write(self, text: str) -> int:
        """Send an entry; returns 0 if it is lost."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto(text.encode(), self._address)
        except OSError:
            fields, _, message = text.partition("MESSAGE=")
            priority = dict(line.split("=", 1) for line in fields.splitlines()).get("PRIORITY", "6")
            return self._fallback.write(f"<{priority}>{message}")
        self._fallback.n_lost = 0
        return len(text)

    def flush(self) -> None:
        """Do nothing: `write` sends."""


def is_journal(stream: TextIO, journal: str) -> bool:
    """Whether systemd connected a stream to journald: ``journal`` is its ``JOURNAL_STREAM``, device:inode."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return journal == f"{status.st_dev}:{status.st_ino}"
