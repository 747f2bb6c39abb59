"""Small parts of supervision: guarded threads, one instance per state folder, signals as flags."""

import contextlib
import fcntl
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Self

from quake_stream.errors import QuakeStreamError
from quake_stream.safe_open import open_lock


class GuardedThread(threading.Thread):
    """
    A thread that cannot die quietly.

    A failure of its body is kept in `failure` and told to ``failed``, so that the supervisor raises it
    in the main thread.  Daemonic, so that a stuck body cannot keep the process alive after a stop that
    timed out; every body has its own way to be stopped, and is joined.
    """

    def __init__(self, *, name: str, body: Callable[[], None], failed: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self.failure: Exception | None = None
        self._body = body
        self._failed = failed

    def run(self) -> None:
        """Run the body; never raises."""
        try:
            self._body()
        except Exception as exc:  # noqa: BLE001  the guard: whatever it is must reach the supervisor
            self.failure = exc
            self._failed()

    def wait(self, deadline_s: float) -> bool:
        """Wait for the end, also of a thread that was never started; whether it came by then (monotonic)."""
        if self.ident is not None:
            self.join(max(0.0, deadline_s - time.monotonic()))
        return not self.is_alive()


def make_folder(path: Path, purpose: str) -> None:
    """Make a folder unless it is there; raises `QuakeStreamError`, which names its purpose."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise QuakeStreamError(f"the {purpose} folder cannot be used: {exc}") from exc


@contextmanager
def instance_lock(path: Path) -> Iterator[None]:
    """
    Hold a lock file, so that two services never share one state folder.

    Raises
    ------
    QuakeStreamError
        Another process holds it, or the file cannot be made.
    """
    make_folder(path.parent, "state")
    try:
        file = os.fdopen(open_lock(path), "rb")
    except OSError as exc:
        raise QuakeStreamError(f"the state folder cannot be used: {exc}") from exc
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise QuakeStreamError(
                f"another quake-stream uses {path.parent} with this configuration's name (lock {path.name})"
            ) from exc
        yield


class StopSignals:
    """
    SIGTERM and SIGINT set `stop`, SIGHUP sets `reload`; handlers do nothing else.

    A second SIGTERM or SIGINT ends the process at once, for whoever does not want to wait.  As a context
    manager, in the main thread, it restores the handlers that were there before.

    A signal ends `wait` through a socket that the interpreter itself writes to: a handler that set an
    event could interrupt the main thread while that holds the event's lock, and wait for it for ever.
    """

    def __init__(self) -> None:
        self.stop = False
        self.reload = False
        self._previous: dict[int, object] = {}
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)
        self._previous_fd = -1

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._previous[number] = signal.signal(number, self._handle)
        self._previous_fd = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._previous_fd)
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned
        self._receiver.close()
        self._sender.close()

    def wake(self) -> None:
        """End `wait`; callable from any thread, more than once, also when all is over."""
        with contextlib.suppress(OSError):  # closed, or so full that it wakes anyway
            self._sender.send(b"\0")

    def wait(self, timeout_s: float) -> bool:
        """Wait for a signal or `wake`; returns whether there was one."""
        if not select.select([self._receiver], [], [], timeout_s)[0]:
            return False
        with contextlib.suppress(BlockingIOError):
            while self._receiver.recv(4096):
                pass
        return True

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        elif self.stop:
            os._exit(128 + number)
        else:
            self.stop = True
