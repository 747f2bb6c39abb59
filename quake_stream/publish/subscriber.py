"""
Receive messages, fetch those that were missed; what users' programs and ``quake-stream listen`` import.

It never hides a loss and never prints.  It asks for all topics and filters here, as the one sequence of
the feed counts all messages: a filter at the publisher would make every message left out look lost.
"""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import zmq

from quake_stream.counters import Counters, Key, merge
from quake_stream.publish.asker import Asker
from quake_stream.publish.frames import Header, Message, WireError
from quake_stream.publish.inbox import Inbox
from quake_stream.publish.keys import read_client_key
from quake_stream.publish.requests import END, MESSAGE, REFUSED, decode_end
from quake_stream.publish.sequence import Missed
from quake_stream.publish.sockets import DEFAULT_ENDPOINT, connected, replay_endpoint

__all__ = ["Header", "Message", "Missed", "Subscriber"]  # what a user's program needs, from one place

PATIENCE_S: Final = 10.0  # for which live messages may wait for a journal that does not answer


class Subscriber:
    """
    Iterate over the messages of one publisher, each once and in order, with a `Missed` for what is lost.

    Messages that did not come, as the program was slow or either side was restarted, are fetched from the
    publisher's journal; they say so by ``replayed``.  Meanwhile those after them wait.  A `Missed` stands
    where the journal does not have them any more, or gives no answer for `PATIENCE_S`.

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
    since_ns
        Begin with what was published since this time (UTC), as far as the journal has it; by default
        with the present.
    after
        Begin with what was published after the message with this header: the last that the program
        handled before it was restarted.  Where the journal does not have it, ``since_ns`` counts.
    fill
        Fetch what was missed; otherwise only say so.
    replay
        Address of the journal; by default the port after the endpoint's, where a service has it.
    key
        File with the keys of this subscriber and the public key of the service, from ``quake-stream keys``,
        where the feed is encrypted.  A service that does not know the key is as silent as one that is away.
    recv_hwm
        Messages kept here while the caller is busy; further ones are fetched later, or reported.
    context
        ZeroMQ context, for ``inproc``; its own by default.

    Raises
    ------
    ConfigError
        The endpoint is none, or the file holds no keys.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        topics: tuple[str, ...] = ("",),
        timeout_s: float | None = None,
        since_ns: int | None = None,
        after: Header | None = None,
        fill: bool = True,
        replay: str | None = None,
        key: Path | str | None = None,
        recv_hwm: int = 10_000,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        self._timeout_s = math.inf if timeout_s is None else timeout_s
        self._max_held = recv_hwm
        self._counters = Counters()
        self._inbox = Inbox(topics=topics, fills=fill, after=after, since_ns=since_ns)
        self._stopped = threading.Event()
        self._poller = zmq.Poller()
        with ExitStack() as stack:
            self._wake_receiver, self._wake_sender = socket.socketpair()
            stack.callback(self._wake_receiver.close)
            stack.callback(self._wake_sender.close)
            if context is None:
                context = zmq.Context()
                stack.callback(context.term)
            options = ((zmq.RCVHWM, recv_hwm),)
            keys = None if key is None else read_client_key(Path(key))
            self._socket = connected(context, zmq.SUB, endpoint, options=options, key=keys)
            stack.callback(self._socket.close)
            journal = replay or replay_endpoint(endpoint)
            self._asker = Asker(context, journal, self._poller, key=keys) if fill else None
            if self._asker is not None:
                stack.callback(self._asker.end)
            self._closing = stack.pop_all()
        self._socket.subscribe(b"")
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
        deadline_s = time.monotonic() + self._timeout_s
        while not self._stopped.is_set():
            item = self._inbox.pop()
            if item is not None:
                return item
            now_s = time.monotonic()
            wait_s = min(deadline_s - now_s, self._ask(now_s))
            timeout_ms = None if wait_s == math.inf else max(0, math.ceil(wait_s * 1000))
            # Held messages are bounded here, those behind them by ZeroMQ.
            is_full = self._inbox.n_held >= self._max_held
            self._poller.modify(self._socket, 0 if is_full else zmq.POLLIN)
            if self._take(dict(self._poller.poll(timeout_ms))):
                deadline_s = time.monotonic() + self._timeout_s
            elif time.monotonic() >= deadline_s:
                raise TimeoutError(f"the publisher was silent for {self._timeout_s * 1000:.0f} ms")
        return None

    def stop(self) -> None:
        """Make `receive` return None at once; callable from any thread, more than once."""
        self._stopped.set()
        with contextlib.suppress(OSError):  # closed already, or woken so often that its buffer is full
            self._wake_sender.send(b"\0", socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Stop and close the sockets; may be repeated."""
        self.stop()
        self._closing.close()

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters: messages received, missed, malformed, repeated; requests."""
        return merge([self._counters.snapshot(), self._inbox.counters.snapshot()])

    def __iter__(self) -> Iterator[Message | Missed]:
        while (item := self.receive()) is not None:
            yield item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, now_s: float) -> float:
        """Ask the journal when that is due; returns how long there is nothing to do but wait (s)."""
        if self._asker is None:
            return math.inf
        if not self._inbox.is_filling:
            self._asker.end()
            return math.inf
        if self._asker.wait_s(now_s) == 0:
            self._asker.ask(self._inbox.request(), now_s)
            self._counters.add("requests.sent")
        return self._asker.wait_s(now_s)

    def _take(self, events: Mapping[object, int]) -> bool:
        """Take what has arrived on each socket; returns whether anything has."""
        asker = self._asker
        has_answer = asker is not None and asker.socket in events
        if asker is not None and has_answer:
            self._take_answer(asker)
        if self._socket in events:
            self._take_live()
        return has_answer or self._socket in events

    def _take_live(self) -> None:
        inbox, asker = self._inbox, self._asker
        session = inbox.session
        inbox.take_live(self._socket.recv_multipart(), time.time_ns())
        if asker is None or not inbox.is_filling or asker.socket is None:
            return
        now_s = time.monotonic()
        if inbox.session != session:  # while the publisher was away nobody could answer
            asker.be_patient(now_s)
        elif asker.silent_s(now_s) > PATIENCE_S:
            self._counters.add("requests.unanswered")
            self._end_replay(asker, is_found=False)

    def _take_answer(self, asker: Asker) -> None:
        now_s = time.monotonic()
        kind, *frames = asker.receive(now_s)
        if kind == MESSAGE:
            self._inbox.take_replayed(frames, time.time_ns())
            return
        if kind not in {END, REFUSED}:
            return  # a later version may say more
        try:
            end = decode_end([kind, *frames])
        except WireError:  # a refusal is no end either
            self._counters.add("requests.refused")
            self._end_replay(asker, is_found=False)
            return
        if end.more is not None:
            asker.go_on(end.more, now_s)
        else:
            self._end_replay(asker, is_found=end.is_found)

    def _end_replay(self, asker: Asker, *, is_found: bool) -> None:
        self._inbox.end_replay(is_found=is_found)
        asker.end()
