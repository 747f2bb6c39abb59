"""Turn around a replay server's sockets and clock in one thread; a slow client never holds up another."""

import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable

from quake_stream.errors import SourceError
from quake_stream.replay.connection import Connection
from quake_stream.replay.info import Peer
from quake_stream.replay.player import Player
from quake_stream.types import NS_PER_S

_MAX_CLIENTS = 200  # far below the 1024 descriptors that a process has by default
_MAX_WAIT_S = 1.0  # the clock is looked at once a second even when nothing is due


class ServerLoop:
    """
    Listener, connections and clock of one replay.

    Raises
    ------
    SourceError
        The address cannot be listened on.
    """

    def __init__(
        self,
        player: Player,
        *,
        host: str,
        port: int,
        clock: Callable[[], int],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server((host, port), family=family)
        except OSError as exc:
            raise SourceError(f"cannot listen on {host} port {port}: {exc.strerror or exc}") from exc
        self.host, self.port = host, int(self._listener.getsockname()[1])
        self.finished = threading.Event()
        self.drained = threading.Event()
        self._player, self._clock, self._tls = player, clock, tls
        self._connections: list[Connection] = []
        self._stopping = threading.Event()
        self._listener.setblocking(False)
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._wake_sender.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_receiver, selectors.EVENT_READ)

    def run(self) -> None:
        """Serve until stopped, then close all sockets."""
        try:
            while not self._stopping.is_set():
                wait_s = self._turn()
                for key, _ in self._selector.select(wait_s):
                    self._handle(key)
        finally:
            self._close()

    def stop(self) -> None:
        """Make `run` return; from any thread."""
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        """Make the loop look at clock and sockets now; from any thread."""
        try:
            self._wake_sender.send(b"\0")
        except (BlockingIOError, OSError):
            return  # it is awake already, or gone

    def _handle(self, key: selectors.SelectorKey) -> None:
        if key.fileobj is self._listener:
            self._accept()
        elif key.fileobj is self._wake_receiver:
            self._wake_receiver.recv(4096)
        elif isinstance(key.data, Connection) and key.data.events & selectors.EVENT_READ:
            key.data.read()

    def _accept(self) -> None:
        counters = self._player.counters
        try:
            sock, address = self._listener.accept()
            if self._tls:  # shakes hands with the first bytes that are read
                sock.setblocking(False)
                sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError:
            counters.add("clients.refused", reason="accept")
            return
        if len(self._connections) >= _MAX_CLIENTS:
            counters.add("clients.refused", reason="too_many")
            sock.close()
            return
        session, faults = self._player.session(self._peers, is_encrypted=self._tls is not None)
        connection = Connection(sock, address[:2], session, faults, now_ns=self._clock())
        self._connections.append(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)
        counters.add("clients.accepted")

    def _peers(self) -> list[Peer]:
        return [connection.peer for connection in self._connections]

    def _turn(self) -> float:
        """Do all that can be done now; return how long nothing more is expected (s)."""
        now_ns, now_s = self._clock(), time.monotonic()
        readers = [c.session for c in self._connections if c.is_reading]
        due_ns = self._player.offer(now_ns, readers)
        is_finished = self._player.is_finished
        for connection in list(self._connections):
            connection.write(now_s, is_finished=is_finished)
            if connection.is_open:
                self._selector.modify(connection.sock, connection.events, connection)
            else:
                self._drop(connection)
        self._tell(is_finished=is_finished)
        return self._wait_s(now_s, None if due_ns is None else due_ns - now_ns)

    def _wait_s(self, now_s: float, due_in_ns: int | None) -> float:
        waits_s = [_MAX_WAIT_S]
        waits_s += [c.paused_until_s - now_s for c in self._connections if c.paused_until_s > now_s]
        if any(c.has_more for c in self._connections):
            waits_s.append(0.0)
        if due_in_ns is not None:
            waits_s.append(due_in_ns / NS_PER_S)
        elif self._player.has_begun and not self._player.is_finished:
            # The ring waits for its slowest reader: if that one's socket is full it will call, else go on.
            is_held = any(c.is_held(now_s) for c in self._connections)
            waits_s.append(_MAX_WAIT_S if is_held else 0.0)
        return max(0.0, min(waits_s))

    def _tell(self, *, is_finished: bool) -> None:
        if is_finished:
            self.finished.set()
        if is_finished and all(c.session.is_drained() for c in self._connections):
            self.drained.set()
        else:
            self.drained.clear()

    def _drop(self, connection: Connection) -> None:
        self._selector.unregister(connection.sock)
        self._connections.remove(connection)
        connection.close()
        self._player.counters.add("clients.closed", reason="ended")

    def _close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._selector.close()
        for sock in (self._listener, self._wake_receiver, self._wake_sender):
            sock.close()
