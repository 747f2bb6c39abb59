"""
Send messages to any number of subscribers over one ZeroMQ socket; never blocks, knows no seismology.

A subscriber that does not keep up loses messages and sees it by the sequence; it delays nobody.
Options follow measurements with libzmq 4.3.5, each explained where it is set.
"""

import errno
import ipaddress
import uuid
from collections.abc import Mapping
from typing import Final, Self

import zmq

from quake_stream.counters import Counters, Key
from quake_stream.errors import ConfigError, PublishError
from quake_stream.publish.frames import Header, encode

DEFAULT_ENDPOINT: Final = "tcp://127.0.0.1:5561"
MAX_EVENTS_PER_POLL: Final = 1000  # so that a peer that floods us with subscriptions cannot hold the worker

_OPTIONS: Final[tuple[tuple[int, int], ...]] = (
    (zmq.MAXMSGSIZE, 256),  # of what subscribers send: libzmq spends 49 bytes on each byte of a subscription
    (zmq.HANDSHAKE_IVL, 2000),  # ms; idle connections hold file descriptors for 30 s by default
    (zmq.HEARTBEAT_IVL, 5000),  # ms; finds peers that vanished without closing their connection
    (zmq.HEARTBEAT_TIMEOUT, 15000),  # ms
    (zmq.TCP_KEEPALIVE, 1),
    (zmq.XPUB_VERBOSER, 1),  # report every join and leave, not only the first of a topic
)


class Publisher:
    """
    Bind a socket and send numbered messages on it.

    Make, use and close it in one thread: ZeroMQ sockets are not thread-safe.

    Parameters
    ----------
    bind
        ``tcp://ADDRESS:PORT`` (port 0 or ``*`` for a free one), ``ipc://PATH`` or ``inproc://NAME``.
        ZeroMQ lets a second publisher take over an ``ipc`` path in silence; a TCP port it does not.
    send_hwm
        Messages kept for each subscriber that does not keep up; further ones are dropped for it.
    allow_insecure
        Bind to an address other than loopback although anyone who reaches it can read the feed.
    linger_ms
        How long `close` waits for messages that are still to be sent.
    context
        ZeroMQ context, for ``inproc``; its own by default.

    Raises
    ------
    ConfigError
        The address is none, or is not loopback and ``allow_insecure`` is false.
    PublishError
        The address cannot be bound now, as when another program has the port.
    """

    def __init__(
        self,
        bind: str = DEFAULT_ENDPOINT,
        *,
        send_hwm: int = 10_000,
        allow_insecure: bool = False,
        linger_ms: int = 1000,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        _check_endpoint(bind, allow_insecure=allow_insecure)
        self.session = uuid.uuid4()
        self.last_sequence = 0
        self.n_subscriptions = 0
        self._counters = Counters()
        self._own_context = context is None
        self._context = context or zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.set(zmq.SNDHWM, send_hwm)
        self._socket.set(zmq.LINGER, linger_ms)
        # only where needed: with it, an IPv4 address is reported as ::ffff:127.0.0.1, which not all can reach
        self._socket.set(zmq.IPV6, int("[" in bind or "://*" in bind))
        for option, value in _OPTIONS:
            self._socket.set(option, value)
        try:
            self._socket.bind(bind)
        except zmq.ZMQError as error:
            self.close()
            kind = ConfigError if error.errno == errno.EINVAL else PublishError
            raise kind(f"cannot publish on {bind}: {error.strerror}") from error
        self.endpoint = self._socket.get_string(zmq.LAST_ENDPOINT)

    def send(self, topic: str, body: Mapping[str, object]) -> int:
        """
        Publish one message and return its sequence number.

        Raises
        ------
        WireError
            The message is none (`quake_stream.publish.frames.encode`); its number is not used up.
        """
        self.poll()
        sequence = self.last_sequence + 1
        frames = encode(topic, Header(session=self.session, sequence=sequence), body)
        self._socket.send_multipart(frames, zmq.DONTWAIT)
        self.last_sequence = sequence
        self._counters.add("messages.sent", reason=topic.partition(".")[0])
        return sequence

    def poll(self, timeout_s: float = 0.0) -> None:
        """
        Take note of subscribers that came and went, waiting up to ``timeout_s`` for the first.

        `send` does so too; call this while nothing is sent.
        """
        timeout_ms = round(timeout_s * 1000)
        for _ in range(MAX_EVENTS_PER_POLL):
            if not self._socket.poll(timeout_ms):
                return
            timeout_ms = 0
            self._note(self._socket.recv_multipart())

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        return self._counters.snapshot()

    def close(self) -> None:
        """Close the socket, after at most ``linger_ms`` for what is still to be sent; may be repeated."""
        self._socket.close()
        if self._own_context:
            self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _note(self, frames: list[bytes]) -> None:
        """XPUB hands over subscriptions (1 + topic) and their ends (0 + topic); the rest is noise."""
        kind = frames[0][:1]
        if len(frames) == 1 and kind == b"\x01":
            self.n_subscriptions += 1
            self._counters.add("subscriptions.joined")
        elif len(frames) == 1 and kind == b"\x00":
            # a peer may end what it never began
            self.n_subscriptions = max(0, self.n_subscriptions - 1)
            self._counters.add("subscriptions.left")
        else:
            self._counters.add("messages.unexpected")


def _check_endpoint(endpoint: str, *, allow_insecure: bool) -> None:
    scheme, _, address = endpoint.partition("://")
    if scheme not in {"tcp", "ipc", "inproc"} or not address:
        raise ConfigError(f"{endpoint!r} is no address to publish on, such as {DEFAULT_ENDPOINT}")
    if scheme == "tcp" and not allow_insecure and not _is_loopback(address):
        raise ConfigError(
            f"{endpoint} can be reached from other machines, without encryption or authentication: "
            "bind to 127.0.0.1, or set allow_insecure = true on a closed network"
        )


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a wildcard, or an interface name, whose addresses may change
