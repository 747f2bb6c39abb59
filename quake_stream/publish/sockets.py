"""
Addresses and options that the sockets of the feed share, on either side; knows nothing of messages.

Options follow measurements with libzmq 4.3.5, each explained where it is set.
"""

import errno
import ipaddress
from collections.abc import Sequence
from typing import Final

import zmq

from quake_stream.errors import ConfigError, PublishError
from quake_stream.publish.keys import ClientKey, KeyPair

DEFAULT_ENDPOINT: Final = "tcp://127.0.0.1:5561"
ZAP_DOMAIN: Final = "quake-stream"

Options = Sequence[tuple[int, int]]

_CLOSING_MS: Final = 5000  # it takes less than one; the limit is against hanging

# Peers that vanished without closing their connection are found by TCP.  ZeroMQ's own heartbeats would do
# it, but in 4.3.5 they abort the process when a peer dies while its messages wait because a queue is full.
_ALIVE: Final[Options] = (
    (zmq.TCP_KEEPALIVE, 1),
    (zmq.TCP_KEEPALIVE_IDLE, 15),  # s
    (zmq.TCP_KEEPALIVE_INTVL, 5),  # s
    (zmq.TCP_KEEPALIVE_CNT, 3),
    (zmq.TCP_MAXRT, 30_000),  # ms; for what was sent and never confirmed
)
_BOUND: Final[Options] = (
    *_ALIVE,
    (zmq.HANDSHAKE_IVL, 2000),  # ms; idle connections hold file descriptors for 30 s by default
)
_CONNECTED: Final[Options] = (
    *_ALIVE,
    (zmq.LINGER, 0),
    (zmq.MAXMSGSIZE, 65_536),  # bodies are below 4 KiB; what is far longer is no feed of ours
    (zmq.RECONNECT_IVL, 100),  # ms, doubled at each attempt up to the next line
    (zmq.RECONNECT_IVL_MAX, 5000),  # ms
    (zmq.IPV6, 1),
)


def bound(
    context: zmq.Context[zmq.Socket[bytes]],
    kind: int,
    endpoint: str,
    *,
    options: Options,
    insecure: bool,
    key: KeyPair | None = None,
) -> zmq.Socket[bytes]:
    """
    Open a socket that others connect to; ``insecure`` allows addresses other than loopback.

    With a ``key`` all is encrypted, and only those get in whom the context's gate lets in; without a gate
    nobody.

    Raises
    ------
    ConfigError
        The address is none, or is not loopback and there is neither ``key`` nor ``insecure``.
    PublishError
        The address cannot be bound now, as when another program has the port.
    """
    _check(endpoint, insecure=insecure or key is not None)
    made = context.socket(kind)
    # only where needed: with it, an IPv4 address is reported as ::ffff:127.0.0.1, which not all can reach
    made.set(zmq.IPV6, int("[" in endpoint or "://*" in endpoint))
    for option, value in (*_BOUND, *options):
        made.set(option, value)
    if key is not None:
        made.curve_server = 1
        made.curve_secretkey = key.secret.encode()
        made.zap_domain = ZAP_DOMAIN.encode()
        made.set(zmq.ZAP_ENFORCE_DOMAIN, 1)  # by default everybody gets in where nobody answers
    try:
        made.bind(endpoint)
    except zmq.ZMQError as error:
        made.close(linger=0)
        wrong = ConfigError if error.errno == errno.EINVAL else PublishError
        raise wrong(f"cannot publish on {endpoint}: {error.strerror}") from error
    return made


def released(made: zmq.Socket[bytes]) -> None:
    """Close a bound socket and all its connections; its address is free when this returns."""
    closed = made.get_monitor_socket(zmq.EVENT_CLOSED)
    made.unbind(made.get_string(zmq.LAST_ENDPOINT))
    closed.poll(_CLOSING_MS)
    made.disable_monitor()
    made.close()


def connected(
    context: zmq.Context[zmq.Socket[bytes]],
    kind: int,
    endpoint: str,
    *,
    options: Options = (),
    key: ClientKey | None = None,
) -> zmq.Socket[bytes]:
    """Open a socket that connects, now or whenever the other side is there; raises `ConfigError`."""
    made = context.socket(kind)
    for option, value in (*_CONNECTED, *options):
        made.set(option, value)
    if key is not None:
        made.curve_serverkey = key.server.encode()
        made.curve_publickey = key.pair.public.encode()
        made.curve_secretkey = key.pair.secret.encode()
    try:
        made.connect(endpoint)
    except zmq.ZMQError as error:
        made.close()
        raise ConfigError(f"cannot subscribe to {endpoint!r}: {error.strerror}") from error
    return made


def replay_endpoint(endpoint: str) -> str:
    """
    Where a feed replays by default: the port after its own, or ``.replay`` after its path.

    A free port (``*`` or 0) stays one.  What is no address is given back and refused where it is used.
    """
    scheme, _, address = endpoint.partition("://")
    if scheme != "tcp":
        return f"{endpoint}.replay"
    host, _, port = address.rpartition(":")
    if not port.isascii() or not port.isdecimal() or port == "0":
        return endpoint
    return f"tcp://{host}:{int(port) + 1}"


def _check(endpoint: str, *, insecure: bool) -> None:
    scheme, _, address = endpoint.partition("://")
    if scheme not in {"tcp", "ipc", "inproc"} or not address:
        raise ConfigError(f"{endpoint!r} is no address to publish on, such as {DEFAULT_ENDPOINT}")
    if scheme == "tcp" and not insecure and not _is_loopback(address):
        raise ConfigError(
            f"{endpoint} can be reached from other machines, without encryption or authentication: make keys "
            "with quake-stream keys new, bind to 127.0.0.1, or set allow_insecure = true on a closed network"
        )


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a wildcard, or an interface name, whose addresses may change
