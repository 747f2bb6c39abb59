"""
One TCP connection to a server: open it, send, receive, each with a deadline and stoppable.

Knows nothing of SeedLink.  Whatever the network does becomes `LinkLostError` with its reason.
"""

import contextlib
import errno
import os
import select
import socket
import ssl
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from quake_stream.ingest.seedlink.address import Address
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.pulse import Pulse

RECEIVE_BYTES = 65_536

# A peer that vanished is noticed after 30 + 3 × 10 s when the link is idle, after 60 s when we have sent.
_TCP_OPTIONS = (
    ("TCP_KEEPIDLE", 30),
    ("TCP_KEEPINTVL", 10),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 60_000),
)

_REASONS = {
    errno.ECONNREFUSED: Lost.REFUSED,
    errno.ECONNRESET: Lost.RESET,
    errno.EPIPE: Lost.RESET,
    errno.ETIMEDOUT: Lost.HALF_OPEN,
}

# Of TLS, which may have to read before it can write, and the other way round.
_NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

AddressInfo = tuple[Any, ...]  # family, type, protocol, name, address: as socket.getaddrinfo gives it
Resolve = Callable[..., list[AddressInfo]]


def open_socket(
    address: Address, pulse: Pulse, *, timeout_s: float, getaddrinfo: Resolve = socket.getaddrinfo
) -> socket.socket:
    """
    Connect to the first address of the host that answers; IPv4 and IPv6.

    Raises
    ------
    LinkLostError
        The name does not resolve, or nobody answers there.
    StoppedError
        Stopped meanwhile.
    """
    found = _resolve(address, pulse, pulse.now_s() + timeout_s, getaddrinfo)
    lost = LinkLostError(Lost.DNS, f"{address.host} has no address")
    for candidate in found:
        # One dead address (IPv6 announced, but not routed) must not use up the time of the others.
        deadline_s = pulse.now_s() + timeout_s / len(found)
        try:
            return _connect(candidate, pulse, deadline_s)
        except OSError as exc:
            lost = LinkLostError(_REASONS.get(exc.errno or 0, Lost.UNREACHABLE), str(exc))
        except LinkLostError as exc:
            lost = exc
    raise lost


def _resolve(address: Address, pulse: Pulse, deadline_s: float, getaddrinfo: Resolve) -> list[AddressInfo]:
    """Look the name up in a thread of its own: the C library cannot be interrupted, a stop must not wait."""
    answers: SimpleQueue[list[AddressInfo] | OSError] = SimpleQueue()
    try:
        ours, theirs = socket.socketpair()
    except OSError as exc:  # no descriptor is free, as when the feed's port is flooded with connections
        raise LinkLostError(Lost.UNREACHABLE, str(exc)) from exc

    def ask() -> None:
        try:
            answers.put(getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM))
        except OSError as exc:
            answers.put(exc)
        except UnicodeError as exc:  # a host name that no encoding allows
            answers.put(OSError(str(exc)))
        with theirs, contextlib.suppress(OSError):  # nobody listens any more after a stop
            theirs.send(b"!")

    # Daemon: it ends by itself when the C library gives up, at latest after its own time-out.
    threading.Thread(target=ask, name=f"resolve-{address.host}", daemon=True).start()
    with ours:
        if not pulse.wait(ours, select.POLLIN, deadline_s):
            raise LinkLostError(Lost.DNS, f"no answer for {address.host}")
    answer = answers.get()
    if isinstance(answer, OSError):
        raise LinkLostError(Lost.DNS, str(answer)) from answer
    return answer


def _connect(found: AddressInfo, pulse: Pulse, deadline_s: float) -> socket.socket:
    family, kind, protocol, _, sockaddr = found
    with contextlib.ExitStack() as on_failure:
        sock = on_failure.enter_context(socket.socket(family, kind, protocol))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _TCP_OPTIONS:
            if hasattr(socket, name):  # not on every platform
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        status = sock.connect_ex(sockaddr)
        if status == errno.EINPROGRESS:
            if not pulse.wait(sock, select.POLLOUT, deadline_s):
                raise LinkLostError(Lost.CONNECT_TIMEOUT)
            status = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if status:
            raise OSError(status, os.strerror(status))
        on_failure.pop_all()
    return sock


def receive(sock: socket.socket) -> bytes:
    """
    Read what is there; empty when nothing is.

    Raises
    ------
    LinkLostError
        The peer closed (``eof``), reset or vanished.
    """
    try:
        data = sock.recv(RECEIVE_BYTES)  # more than a TLS record holds, so that none of it stays unseen
    except _NOT_NOW:
        return b""
    except OSError as exc:
        raise LinkLostError(_REASONS.get(exc.errno or 0, Lost.RESET), str(exc)) from exc
    if not data:
        raise LinkLostError(Lost.EOF)
    return data


def send(sock: socket.socket, data: bytes) -> int:
    """Send what fits now and return how many bytes did; raises LinkLostError."""
    try:
        return sock.send(data)
    except _NOT_NOW:
        return 0
    except OSError as exc:
        raise LinkLostError(_REASONS.get(exc.errno or 0, Lost.RESET), str(exc)) from exc
