"""
Keep the metrics reachable: open the address, try again while another program has it, close it.

It ends nothing: a detector without metrics still detects.  Unlike the feed, whose port is worth a restart.
"""

import errno
import os
import socket
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from quake_stream.counters import Counters, Key, merge
from quake_stream.metrics.http import PATH
from quake_stream.metrics.server import MetricsServer
from quake_stream.supervision import GuardedThread

log = structlog.get_logger()

_RETRY_S: Final = 10.0


class MetricsEndpoint:
    """
    Serve ``page`` on an address.

    Parameters
    ----------
    address
        Numeric address and port, 0 for a free one; None serves nothing.
    page
        Gives the metrics; called in the endpoint's own thread.
    failed
        Told when that thread has failed.
    is_asked_for
        Whether somebody chose the address.  Where it is only the usual one, as of the second service on a
        machine, it is no trouble that another program has it.
    """

    def __init__(
        self,
        address: tuple[str, int] | None,
        page: Callable[[], bytes],
        *,
        failed: Callable[[], None],
        is_asked_for: bool,
    ) -> None:
        self._address = address
        self._page = page
        self._failed = failed
        self._is_asked_for = is_asked_for
        self._told = ""
        self._counters = Counters()
        self._next_try_s = float("-inf")
        self._server: MetricsServer | None = None
        self.threads: tuple[GuardedThread, ...] = ()
        """The endpoint's own thread, once the address is open."""

    def tend(self, now_s: float) -> None:
        """Open the address unless it is open; not more often than every ten seconds (monotonic)."""
        if self._address is None or self._server is not None or now_s < self._next_try_s:
            return
        self._next_try_s = now_s + _RETRY_S
        try:
            listener = listen(*self._address)
        except OSError as exc:
            self._note(exc, url_of(*self._address))
            return
        self._told = ""
        self._server = MetricsServer(listener, self._page)
        thread = GuardedThread(name="metrics", body=self._server.run, failed=self._failed)
        thread.start()
        self.threads = (thread,)
        log.info("metrics.listening", url=url_of(*listener.getsockname()[:2]))

    def stop(self) -> None:
        """Have the address closed; the thread then ends within the time that a page takes."""
        if self._server is not None:
            self._server.stop()

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        served = self._server.counts() if self._server else {}
        return merge([self._counters.snapshot(), served])

    def _note(self, error: OSError, url: str) -> None:
        code = errno.errorcode.get(error.errno or 0, "")
        if self._is_asked_for:
            self._counters.add("metrics.unavailable", reason=code)
        if code != self._told:
            self._told = code
            tell = log.warning if self._is_asked_for else log.info
            tell("metrics.unavailable", url=url, error=os.strerror(error.errno or 0), retry_s=_RETRY_S)


def listen(host: str, port: int) -> socket.socket:
    """Bind to a numeric address; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def url_of(host: str, port: int) -> str:
    """Give the address as one types it into a browser."""
    return f"http://[{host}]:{port}{PATH}" if ":" in host else f"http://{host}:{port}{PATH}"
