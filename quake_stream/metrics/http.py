"""Answer an HTTP request for metrics: bytes in, bytes out.  Pure; what is sent or received, others see to."""

import re
from collections.abc import Callable
from typing import Final

PATH: Final = "/metrics"

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.[01]\r\n")


def answer(request: bytes, page: Callable[[], bytes]) -> bytes:
    """
    Answer one request, its head complete; the connection is to be closed after it.

    ``page`` gives the metrics; it is asked only when they are wanted.
    """
    line = _REQUEST_LINE.match(request)
    if line is None:
        return _response("400 Bad Request", b"This is no HTTP request.\n")
    method, target = line[1].decode(), line[2].decode()
    if method not in {"GET", "HEAD"}:
        return _response("405 Method Not Allowed", b"Use GET.\n", "Allow: GET, HEAD\r\n")
    if target.partition("?")[0] != PATH:
        return _response("404 Not Found", b"The metrics are at /metrics.\n")
    response = _response("200 OK", page())
    return response if method == "GET" else response[: response.index(b"\r\n\r\n") + 4]


def _response(status: str, body: bytes, extra: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {_CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
        f"{extra}Connection: close\r\n\r\n"
    )
    return head.encode() + body
