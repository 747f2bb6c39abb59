"""
Send messages to any number of subscribers over one ZeroMQ socket; never blocks, knows no seismology.

A subscriber that does not keep up loses messages and sees it by the sequence; it delays nobody, and asks
the journal for them.
"""

import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Final, Self

import zmq

from quake_stream.counters import Counters, Key, merge
from quake_stream.publish.frames import Header, encode
from quake_stream.publish.gate import Gate
from quake_stream.publish.journal import Journal
from quake_stream.publish.keys import KeyPair
from quake_stream.publish.replayer import Replayer
from quake_stream.publish.sockets import DEFAULT_ENDPOINT, Options, bound, released

MAX_EVENTS_PER_POLL: Final = 1000  # so that a peer that floods us with subscriptions cannot hold the worker

_VERBOSER: Final[Options] = ((zmq.XPUB_VERBOSER, 1),)  # report every join and leave, not only the first
# Of what subscribers send: libzmq spends 49 bytes on each byte of a subscription.  The handshake of CURVE
# counts as well, and its longest command has some 300 bytes.
_MAX_BYTES: Final = 256
_MAX_BYTES_ENCRYPTED: Final = 512


class Publisher:
    """
    Bind a socket and send numbered messages on it, each after it was written to the journal.

    Make, use and close it in one thread: ZeroMQ sockets are not thread-safe.

    Parameters
    ----------
    bind
        ``tcp://ADDRESS:PORT`` (port 0 or ``*`` for a free one), ``ipc://PATH`` or ``inproc://NAME``.
        ZeroMQ lets a second publisher take over an ``ipc`` path in silence; a TCP port it does not.
    replay_bind
        Where subscribers ask for what they missed, in the same notation; None where they cannot.
    journal
        What they are answered from; closed together with the sockets.
    key
        Keys of the service.  With them all is encrypted, also the replay, and nobody connects but
        ``clients``, wherever it is bound.
    clients
        Name → public key of those who may connect; see `admit`.
    send_hwm
        Messages kept for each subscriber that does not keep up; further ones are dropped for it.
    allow_insecure
        Without keys, bind to an address other than loopback although anyone who reaches it can read the
        feed.
    linger_ms
        How long `close` waits for messages that are still to be sent.
    context
        ZeroMQ context, for ``inproc``; its own by default.

    Raises
    ------
    ConfigError
        The address is none, or is not loopback and there is neither ``key`` nor ``allow_insecure``.
    PublishError
        The address cannot be bound now, as when another program has the port.
    """

    def __init__(
        self,
        bind: str = DEFAULT_ENDPOINT,
        *,
        replay_bind: str | None = None,
        journal: Journal | None = None,
        key: KeyPair | None = None,
        clients: Mapping[str, str] | None = None,
        send_hwm: int = 10_000,
        allow_insecure: bool = False,
        linger_ms: int = 1000,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        self.session = uuid.uuid4()
        self.last_sequence = 0
        self.n_subscriptions = 0
        self._counters = Counters()
        self._journal = journal
        with ExitStack() as stack:
            if context is None:
                context = zmq.Context()
                stack.callback(context.term)
            if journal is not None:
                stack.callback(journal.close)
            self._gate = Gate(context, clients or {}) if key is not None else None
            if self._gate is not None:
                stack.callback(self._gate.close)
            max_bytes = _MAX_BYTES if key is None else _MAX_BYTES_ENCRYPTED
            limits = ((zmq.SNDHWM, send_hwm), (zmq.LINGER, linger_ms), (zmq.MAXMSGSIZE, max_bytes))
            self._open = partial(
                bound, context, zmq.XPUB, options=(*limits, *_VERBOSER), insecure=allow_insecure, key=key
            )
            self._socket = self._open(bind)
            stack.callback(self._socket.close)
            replayer = partial(Replayer, context, journal=journal, insecure=allow_insecure, key=key)
            self._replayer = None if replay_bind is None else replayer(replay_bind)
            if self._replayer is not None:
                stack.callback(self._replayer.close)
            self._closing = stack.pop_all()
        self.endpoint = self._socket.get_string(zmq.LAST_ENDPOINT)
        self.replay_endpoint = self._replayer.endpoint if self._replayer else ""

    def send(self, topic: str, body: Mapping[str, object]) -> int:
        """
        Publish one message and return its sequence number.

        Raises
        ------
        WireError
            The message is none (`quake_stream.publish.frames.encode`); its number is not used up.
        """
        self._take_note()
        sequence = self.last_sequence + 1
        frames = encode(topic, Header(session=self.session, sequence=sequence), body)
        if self._journal is not None:
            self._journal.append(time.time_ns(), frames)
        self._socket.send_multipart(frames, zmq.DONTWAIT)
        self.last_sequence = sequence
        self._counters.add("messages.sent", reason=topic.partition(".")[0])
        return sequence

    def poll(self, timeout_s: float = 0.0) -> None:
        """
        Serve subscribers: let them in, note who came and went, replay; waits up to ``timeout_s`` for the first.

        Call this while nothing is sent and in between: `send` lets in and notes who came, but does not
        replay.  With keys a new connection waits for it, and is given up after two seconds.
        """
        if timeout_s:
            poller = zmq.Poller()
            poller.register(self._socket, zmq.POLLIN)
            if self._gate is not None:
                poller.register(self._gate.socket, zmq.POLLIN)
            if self._replayer is not None:
                poller.register(self._replayer.socket, zmq.POLLIN)
            poller.poll(round(timeout_s * 1000))
        self._take_note()
        if self._replayer is not None:
            self._replayer.poll()

    def admit(self, clients: Mapping[str, str]) -> None:
        """
        Let in others than before: name → public key; of no effect on a feed without keys.

        ZeroMQ asks only when a connection begins and cannot end a single one.  So when a key is missing now,
        all connections are closed, at the next `poll`; those who may, are back within seconds and fetch what
        they missed.

        Raises
        ------
        PublishError
            Another program took the port in that moment.
        """
        if self._gate is None or not self._gate.replace(clients):
            return
        released(self._socket)
        self._counters.add("subscriptions.left", self.n_subscriptions)
        self.n_subscriptions = 0
        self._socket = self._open(self.endpoint)
        self._closing.callback(self._socket.close)
        if self._replayer is not None:
            self._replayer.reopen()

    @property
    def problem(self) -> str:
        """What does not work although messages are sent, in words; empty when all is well."""
        problems = []
        if self._journal is not None and self._journal.problem:
            problems.append(f"messages cannot be journalled ({self._journal.problem})")
        if self._gate is not None and not self._gate.n_clients:
            problems.append("nobody may subscribe: the list of clients is empty")
        return "; ".join(problems)

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        parts = [part for part in (self._journal, self._gate, self._replayer) if part is not None]
        return merge([self._counters.snapshot(), *(part.counts() for part in parts)])

    def close(self) -> None:
        """Close sockets and journal, after at most ``linger_ms`` for what is still to be sent; may be repeated."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_note(self) -> None:
        if self._gate is not None:
            self._gate.poll()
        for _ in range(MAX_EVENTS_PER_POLL):
            if not self._socket.poll(0):
                return
            self._note(self._socket.recv_multipart())

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
