"""
Carry bytes between one client's socket and its session; never blocks.

Faults may slow, stop or end what is sent; the plain server knows nothing of which.
"""

import math
import selectors
import socket
import ssl
import struct

from quake_stream.replay.faults import Ending, LinkFaults
from quake_stream.replay.info import Peer
from quake_stream.replay.session import Session, State

_READ_BYTES = 65_536
_ROUNDS_PER_TURN = 16  # of 64 KiB each
# Of TLS, which may have to read before it can write, and the other way round.
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """One client.  Owned by the server's thread."""

    def __init__(
        self, sock: socket.socket, peer: tuple[str, int], session: Session, faults: LinkFaults, *, now_ns: int
    ) -> None:
        sock.setblocking(False)
        # Each reply and each packet leaves at once, as from a digitiser.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.session = session
        self.is_open = True
        self.paused_until_s = 0.0
        self._host, self._port = peer
        self._connected_ns = now_ns
        self._faults = faults
        self._n_data_bytes = 0
        self.has_more = False  # left for the next turn, so that others have theirs
        self._is_blocked = False
        self._ending = Ending.NONE
        self._opened_s: float | None = None  # on the clock that `write` is told

    @property
    def peer(self) -> Peer:
        """Who this is, for INFO CONNECTIONS."""
        return Peer(
            host=self._host,
            port=self._port,
            connected_ns=self._connected_ns,
            n_records=self.session.n_records,
        )

    @property
    def is_silent(self) -> bool:
        """Whether a fault has ended all sending for good."""
        return self.paused_until_s == math.inf

    @property
    def is_reading(self) -> bool:
        """Whether the client waits for records."""
        return self.session.state is State.STREAMING and not self.is_silent

    @property
    def events(self) -> int:
        """What to wait for on the socket; a client that does not read is not read from either."""
        if not self._is_blocked:
            return selectors.EVENT_READ
        return selectors.EVENT_WRITE | (0 if self.session.is_full else selectors.EVENT_READ)

    def is_held(self, now_s: float) -> bool:
        """Whether nothing can be sent now: the socket is full, or a fault says so."""
        return self._is_blocked or self.paused_until_s > now_s

    def read(self) -> None:
        """Take what has come in; an end or error of the connection closes it."""
        if self.session.is_full and not self.is_silent:
            return
        try:
            data = self.sock.recv(_READ_BYTES)
        except _NOT_NOW:
            return
        except OSError:
            data = b""
        if not data:
            self.is_open = False
        elif not self.is_silent:
            self.session.receive(data)

    def write(self, now_s: float, *, is_finished: bool) -> None:
        """Send what is waiting and what the ring has for this client, as far as socket and faults allow."""
        self._is_blocked = False
        self._suffer(now_s)
        for _ in range(_ROUNDS_PER_TURN):
            self.session.pull(is_finished=is_finished)
            self.has_more = bool(self.session.outgoing) and self.is_open and not self.is_held(now_s)
            if not self.has_more:
                break
            self._send_some(now_s)
        if self.session.state is State.CLOSED:
            self.is_open = False

    def close(self) -> None:
        """Close the socket, by RST if a fault wants it so; more than once is no harm."""
        if self._ending is Ending.RST and self.sock.fileno() >= 0:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _suffer(self, now_s: float) -> None:
        """Let happen what a fault has set for this age of the connection."""
        if self._opened_s is None:
            self._opened_s = now_s
        fate = None if self.is_silent else self._faults.fate(now_s - self._opened_s)
        if fate is Ending.NONE:
            self.paused_until_s = math.inf
        elif fate is not None:
            self._ending = fate
            self.is_open = False

    def _send_some(self, now_s: float) -> None:
        session = self.session
        is_handshake = session.state is State.HANDSHAKE or session.n_records == 0
        todo = self._faults.transmission(
            n_sent=self._n_data_bytes, n_waiting=len(session.outgoing), is_handshake=is_handshake
        )
        try:
            n_sent = self.sock.send(session.outgoing[: todo.n_bytes]) if todo.n_bytes else 0
        except _NOT_NOW:
            self._is_blocked = True
            return
        except OSError:
            self.is_open = False
            return
        del session.outgoing[:n_sent]
        if not is_handshake:
            self._n_data_bytes += n_sent
        if n_sent < todo.n_bytes:
            return
        self.paused_until_s = now_s + todo.pause_s if todo.pause_s else 0.0
        if todo.ending is not Ending.NONE:
            self._ending = todo.ending
            self.is_open = False
