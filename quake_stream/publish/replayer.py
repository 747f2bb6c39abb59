"""
Give subscribers again what they missed: answers requests from the journal over one ZeroMQ socket.

It takes no more than a fifth of its thread's time, however many ask, so publishing goes on.  A subscriber
that does not take its answer loses it and may ask again.
"""

import time
from collections.abc import Mapping
from functools import partial
from typing import Final

import zmq

from quake_stream.counters import Counters, Key
from quake_stream.publish.frames import WireError
from quake_stream.publish.journal import Journal, Page
from quake_stream.publish.keys import KeyPair
from quake_stream.publish.requests import MESSAGE, REFUSED, End, decode_request, encode_end
from quake_stream.publish.sockets import Options, bound, released

MAX_PAGES_PER_POLL: Final = 4
_REST: Final = 4  # times as long as it took to answer
_OPTIONS: Final[Options] = (
    (zmq.MAXMSGSIZE, 4096),  # requests are below 300 bytes
    (zmq.RCVHWM, 10),  # requests of one subscriber; it has to ask again for more
    (zmq.SNDHWM, 2000),  # a few pages
    (zmq.ROUTER_MANDATORY, 1),  # say so when an answer cannot be delivered, instead of dropping it silently
    (zmq.LINGER, 0),  # subscribers ask again
)


class Replayer:
    """
    Answer requests; to be made, used and closed in the thread that writes to the journal.

    Without a journal every answer is empty, so that a subscriber need not wait in vain.  ``insecure``,
    ``key`` and errors as for `quake_stream.publish.sockets.bound`.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        bind: str,
        *,
        journal: Journal | None,
        insecure: bool,
        key: KeyPair | None = None,
    ) -> None:
        self._journal = journal
        self._counters = Counters()
        self._next_s = 0.0  # monotonic
        self._open = partial(bound, context, zmq.ROUTER, options=_OPTIONS, insecure=insecure, key=key)
        self.socket = self._open(bind)
        self.endpoint = self.socket.get_string(zmq.LAST_ENDPOINT)

    def poll(self) -> None:
        """Answer requests that wait, within the limits; returns at once when there are none."""
        started_s = time.monotonic()
        if started_s < self._next_s:
            return
        for _ in range(MAX_PAGES_PER_POLL):
            if not self.socket.poll(0):
                break
            peer, *frames = self.socket.recv_multipart()
            self._answer(peer, frames)
        now_s = time.monotonic()
        self._next_s = now_s + _REST * (now_s - started_s)

    def reopen(self) -> None:
        """Close all connections and open the socket anew at its address; raises `PublishError`."""
        released(self.socket)
        self.socket = self._open(self.endpoint)

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        return self._counters.snapshot()

    def close(self) -> None:
        """Close the socket; may be repeated."""
        self.socket.close()

    def _answer(self, peer: bytes, frames: list[bytes]) -> None:
        try:
            request = decode_request(frames)
        except WireError as error:
            self._counters.add("requests.refused")
            self._reply(peer, [REFUSED, str(error)[:1000].encode("utf-8", "replace")])
            return
        self._counters.add("requests.answered")
        page = self._journal.page(request) if self._journal else Page(entries=(), is_found=False, more=None)
        for entry in page.entries:
            if not self._reply(peer, [MESSAGE, *entry.frames]):
                return
            self._counters.add("messages.replayed")
        end = End(n_messages=len(page.entries), is_found=page.is_found, more=page.more)
        self._reply(peer, encode_end(end))

    def _reply(self, peer: bytes, frames: list[bytes]) -> bool:
        """Send one reply; false when the subscriber is gone or does not take it."""
        try:
            self.socket.send_multipart([peer, *frames], zmq.DONTWAIT)
        except zmq.ZMQError:  # EHOSTUNREACH or EAGAIN
            self._counters.add("answers.undelivered")
            return False
        return True
