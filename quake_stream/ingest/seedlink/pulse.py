"""
Wait for sockets and time without ever being deaf to `stop`.

Every wait of a source goes through here.  Turns are counted for the watchdog: they grow as long as the
thread is alive, data or not.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Self


class StoppedError(Exception):
    """`Pulse.stop` was called: leave what you are doing."""


class Pulse:
    """
    Waiting of one thread; only `stop` and `n_turns` are for other threads.

    ``poll_s`` is the longest time without a turn.  Used as a context manager in the thread that waits, so
    that no descriptor stays open.
    """

    def __init__(self, *, poll_s: float = 0.25, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.n_turns = 0
        self._poll_s = poll_s
        self._monotonic = monotonic
        self._stopped = threading.Event()
        self._lock = threading.Lock()  # stop() may come while the wake-up sockets open or close
        self._pair: tuple[socket.socket, socket.socket] | None = None

    def __enter__(self) -> Self:
        with self._lock:
            self._pair = socket.socketpair()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            pair, self._pair = self._pair, None
        for end in pair or ():
            end.close()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Make the present and every later wait raise StoppedError; callable more than once."""
        self._stopped.set()
        with self._lock, contextlib.suppress(OSError):  # a full pipe has woken the reader already
            if self._pair:
                self._pair[1].send(b"!", socket.MSG_DONTWAIT)

    def now_s(self) -> float:
        """Monotonic time in seconds; its zero means nothing."""
        return self._monotonic()

    def turn(self) -> None:
        """Count one turn of the loop; raises StoppedError after `stop`."""
        self.n_turns += 1
        if self._stopped.is_set():
            raise StoppedError

    def wait(self, sock: socket.socket | None, events: int, deadline_s: float) -> int:
        """
        Wait until the socket is ready, and return the ``select.POLL*`` events; 0 at the deadline.

        ``poll`` and not ``select``: the latter fails on descriptors above 1023.

        Raises
        ------
        StoppedError
            `stop` was called, before or during the wait.
        """
        if self._pair is None:
            raise RuntimeError("Pulse waits only inside its `with` block")
        poll = select.poll()
        poll.register(self._pair[0], select.POLLIN)
        if sock is not None:
            poll.register(sock, events)
        while True:
            self.turn()
            left_s = deadline_s - self._monotonic()
            ready = dict(poll.poll(max(0.0, min(left_s, self._poll_s)) * 1000))
            if self._stopped.is_set():
                raise StoppedError
            if sock is not None and sock.fileno() in ready:
                return ready[sock.fileno()]
            if left_s <= 0:
                return 0

    def pause(self, seconds: float) -> None:
        """Wait for some time; raises StoppedError as `wait` does."""
        self.wait(None, 0, self._monotonic() + seconds)
