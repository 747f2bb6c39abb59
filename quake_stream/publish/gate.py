"""
Decide who may connect, by ZeroMQ's authentication protocol (ZAP, RFC 27); knows keys, not messages.

ZeroMQ asks over a socket inside the process and lets nobody in until it is answered.  It is asked in the
publisher's own thread: a thread of its own could die while the feed goes on.
"""

from collections.abc import Mapping
from typing import Final

import zmq
from zmq.utils import z85

from quake_stream.counters import Counters, Key
from quake_stream.errors import PublishError
from quake_stream.publish.sockets import ZAP_DOMAIN

MAX_ANSWERS_PER_POLL: Final = 100  # so that a flood of connections cannot hold the publisher

_ENDPOINT: Final = "inproc://zeromq.zap.01"  # given by the protocol
_VERSION: Final = b"1.0"
_WELCOME: Final = b"200"
# "Try again", not "never": libzmq 4.3.5 gives up for good after a refusal (400), and a subscriber that runs
# for years must find its way back when its key was missing from the list for a minute.
_NOT_NOW: Final = b"300"


class Gate:
    """
    Answer for all sockets of a context; to be made, used and closed in one thread.

    Parameters
    ----------
    clients
        Name → public key (Z85) of those who may connect.

    Raises
    ------
    PublishError
        The context has a gate already.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], clients: Mapping[str, str]) -> None:
        self._counters = Counters()
        self._names: dict[str, str] = {}  # by key
        self.replace(clients)
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        try:
            self.socket.bind(_ENDPOINT)
        except zmq.ZMQError as exc:
            self.socket.close()
            raise PublishError(f"one ZeroMQ context cannot have two feeds with keys: {exc.strerror}") from exc

    @property
    def n_clients(self) -> int:
        """Number of those who may connect."""
        return len(self._names)

    def replace(self, clients: Mapping[str, str]) -> bool:
        """Let others in from now on; returns whether somebody must go who may be connected."""
        before, self._names = self._names, {key: name for name, key in clients.items()}
        return not before.keys() <= self._names.keys()

    def poll(self) -> None:
        """Answer those who wait at the gate; returns at once when there are none."""
        for _ in range(MAX_ANSWERS_PER_POLL):
            if not self.socket.poll(0):
                return
            self.socket.send_multipart(self._answer(self.socket.recv_multipart()))

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        return self._counters.snapshot()

    def close(self) -> None:
        """Close the gate: nobody gets in any more; may be repeated."""
        self.socket.close()

    def _answer(self, frames: list[bytes]) -> list[bytes]:
        number = frames[1] if len(frames) > 1 else b""
        name = self._name(frames)
        self._counters.add("connections.admitted" if name else "connections.refused")
        if name:
            return [_VERSION, number, _WELCOME, b"OK", name.encode(), b""]
        return [_VERSION, number, _NOT_NOW, b"this key is not in the list of clients", b"", b""]

    def _name(self, frames: list[bytes]) -> str:
        """Name of who asks; empty for everybody who may not connect."""
        if len(frames) != 7:  # version, number, domain, address, identity, mechanism, key
            return ""
        version, _, domain, _, _, mechanism, key = frames
        if (version, domain, mechanism) != (_VERSION, ZAP_DOMAIN.encode(), b"CURVE") or len(key) != 32:
            return ""
        return self._names.get(z85.encode(key).decode(), "")
