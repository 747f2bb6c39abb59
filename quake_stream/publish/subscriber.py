"""
Receive messages and say which ones were missed; what users' programs and ``quake-stream listen`` import.

It never hides a loss and never prints.  It asks for all topics and filters here, as the one sequence of
the feed counts all messages: a filter at the publisher would make every message left out look lost.
"""

import contextlib
import math
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, Self

import zmq

from quake_stream.counters import Counters, Key
from quake_stream.errors import ConfigError
from quake_stream.publish.frames import Message, VersionError, WireError, decode, decode_envelope
from quake_stream.publish.publisher import DEFAULT_ENDPOINT
from quake_stream.publish.sequence import Missed, SequenceTracker

__all__ = ["Message", "Missed", "Subscriber"]  # what a user's program needs, from one place

_OPTIONS: Final[tuple[tuple[int, int], ...]] = (
    (zmq.LINGER, 0),
    (zmq.MAXMSGSIZE, 65_536),  # bodies are below 4 KiB; what is far longer is no feed of ours
    (zmq.HEARTBEAT_IVL, 5000),  # ms; finds a publisher that vanished without closing the connection
    (zmq.HEARTBEAT_TIMEOUT, 15_000),  # ms
    (zmq.RECONNECT_IVL, 100),  # ms, doubled at each attempt up to the next line
    (zmq.RECONNECT_IVL_MAX, 5000),  # ms
    (zmq.TCP_KEEPALIVE, 1),
    (zmq.IPV6, 1),
)


class Subscriber:
    """
    Iterate over the messages of one publisher, with a `Missed` wherever some are missing.

    Use it in one thread; only `stop` may be called from others.  It waits for a publisher that is not
    there yet and reconnects to one that went away.

    Parameters
    ----------
    endpoint
        Address of the publisher, such as ``tcp://127.0.0.1:5561``.
    topics
        Prefixes of the topics wanted: ``detection.IU.`` for one network, ``""`` for all.  `Missed` counts
        the messages of all topics, since a lost message does not tell what it was.
    timeout_s
        Longest silence before `receive` raises TimeoutError, None for ever.  Heartbeats end the silence
        whether wanted or not.
    recv_hwm
        Messages kept here while the caller is busy; further ones are lost, and reported.
    context
        ZeroMQ context, for ``inproc``; its own by default.

    Raises
    ------
    ConfigError
        The endpoint is none.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        topics: tuple[str, ...] = ("",),
        timeout_s: float | None = None,
        recv_hwm: int = 10_000,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        self._topics = topics
        self._timeout_ms = None if timeout_s is None else math.ceil(timeout_s * 1000)
        self._counters = Counters()
        self._tracker = SequenceTracker()
        self._ready: deque[Message | Missed] = deque()
        self._stopped = threading.Event()
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._own_context = context is None
        self._context = context or zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.set(zmq.RCVHWM, recv_hwm)
        for option, value in _OPTIONS:
            self._socket.set(option, value)
        self._socket.subscribe(b"")
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ConfigError(f"cannot subscribe to {endpoint!r}: {error.strerror}") from error
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._wake_receiver, zmq.POLLIN)

    def receive(self) -> Message | Missed | None:
        """
        Wait for the next message or notice of missed ones; None once stopped.

        Raises
        ------
        TimeoutError
            Nothing came for ``timeout_s``.
        VersionError
            A message wanted here is of a newer major version; calling again goes on after it.
        """
        while not self._stopped.is_set():
            if self._ready:
                return self._ready.popleft()
            events = dict(self._poller.poll(self._timeout_ms))
            if self._socket in events:
                self._take(self._socket.recv_multipart())
            elif not events:
                raise TimeoutError(f"the publisher was silent for {self._timeout_ms} ms")
        return None

    def stop(self) -> None:
        """Make `receive` return None at once; callable from any thread, more than once."""
        self._stopped.set()
        with contextlib.suppress(OSError):  # closed already, or woken so often that its buffer is full
            self._wake_sender.send(b"\0", socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Stop and close the sockets; may be repeated."""
        self.stop()
        self._socket.close()
        if self._own_context:
            self._context.term()
        self._wake_receiver.close()
        self._wake_sender.close()

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters: messages received, missed, malformed, repeated."""
        return self._counters.snapshot()

    def __iter__(self) -> Iterator[Message | Missed]:
        while (item := self.receive()) is not None:
            yield item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, frames: list[bytes]) -> None:
        """Sort one arrival into messages, notices and what is only counted."""
        received_ns = time.time_ns()
        try:
            topic, header = decode_envelope(frames)
        except WireError:
            self._counters.add("messages.malformed", reason="envelope")
            return
        if self._tracker.is_known(header):
            self._counters.add("messages.repeated")
            return
        missed = self._tracker.accept(header)
        if missed is not None:
            self._report(missed)
        if not topic.startswith(self._topics):
            self._counters.add("messages.unwanted")
            return
        try:
            self._ready.append(decode(frames, received_ns=received_ns))
        except VersionError:
            self._counters.add("messages.refused", reason="version")
            raise
        except WireError:
            self._counters.add("messages.malformed", reason="body")
            n = header.sequence
            self._report(Missed(session=header.session, first=n, last=n, reason="malformed"))
        else:
            self._counters.add("messages.received")

    def _report(self, missed: Missed) -> None:
        self._counters.add("messages.missed", missed.count, reason=missed.reason)
        self._ready.append(missed)
