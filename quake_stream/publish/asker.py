"""Ask a journal over ZeroMQ, again and again until it answers.  Knows nothing of order; no thread."""

from collections.abc import Sequence
from typing import Final

import zmq

from quake_stream.publish.keys import ClientKey
from quake_stream.publish.requests import Request, encode_request
from quake_stream.publish.sockets import Options, connected

ASK_AGAIN_S: Final = 3.0  # a journal that many ask at once needs longer than a moment
_OPTIONS: Final[Options] = ((zmq.RCVHWM, 2000),)  # more than a page


class Asker:
    """
    One conversation at a time with the journal at ``endpoint``.

    A request that gets no answer is repeated on a new socket, as late answers on the old one would mix
    with those on the new.  Times are monotonic seconds.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        poller: zmq.Poller,
        *,
        key: ClientKey | None = None,
    ) -> None:
        self._context = context
        self._endpoint = endpoint
        self._key = key
        self._poller = poller
        self._socket: zmq.Socket[bytes] | None = None
        self._again_s = 0.0
        self._heard_s = 0.0
        connected(context, zmq.DEALER, endpoint).close()  # what is no address is refused now

    @property
    def socket(self) -> zmq.Socket[bytes] | None:
        """Socket on which answers come; None while nothing is asked."""
        return self._socket

    def wait_s(self, now_s: float) -> float:
        """Time after which the request is due (again)."""
        return 0.0 if self._socket is None else max(0.0, self._again_s - now_s)

    def silent_s(self, now_s: float) -> float:
        """Time for which the journal has not answered, since `be_patient` at the longest."""
        return now_s - self._heard_s

    def be_patient(self, now_s: float) -> None:
        """Give the journal its time anew."""
        self._heard_s = now_s

    def ask(self, request: Request, now_s: float) -> None:
        """Begin a conversation, or try once more when there is one."""
        if self._socket is None:
            self._heard_s = now_s
        self.end()
        self._socket = connected(self._context, zmq.DEALER, self._endpoint, options=_OPTIONS, key=self._key)
        self._poller.register(self._socket, zmq.POLLIN)
        self._send(request, now_s)

    def go_on(self, request: Request, now_s: float) -> None:
        """Ask for the next page."""
        self._send(request, now_s)

    def receive(self, now_s: float) -> Sequence[bytes]:
        """Take a reply, of which there must be one."""
        assert self._socket is not None
        self._heard_s = now_s
        self._again_s = now_s + ASK_AGAIN_S
        return self._socket.recv_multipart()

    def end(self) -> None:
        """End the conversation; may be repeated."""
        if self._socket is not None:
            self._poller.unregister(self._socket)
            self._socket.close()
            self._socket = None

    def _send(self, request: Request, now_s: float) -> None:
        assert self._socket is not None
        self._again_s = now_s + ASK_AGAIN_S
        self._socket.send_multipart(encode_request(request), zmq.DONTWAIT)
