"""What a client sends to the port of the metrics."""

from collections.abc import Iterator
from pathlib import Path

from quake_stream.metrics.http import answer

_PAGE = b"quake_stream_up 1\n"


def seeds() -> Iterator[bytes]:
    """Give requests."""
    yield b"GET /metrics HTTP/1.1\r\nHost: localhost:9561\r\n\r\n"
    yield b"HEAD /metrics?x=1 HTTP/1.0\r\n\r\n"
    yield b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"


def check(data: bytes, _folder: Path) -> None:
    """Answer by HTTP, with the length that is stated; the metrics only to those who ask for them."""
    head, _, body = answer(data, lambda: _PAGE).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ")
    stated = int(head.partition(b"Content-Length: ")[2].split()[0])
    assert len(body) == stated or data.startswith(b"HEAD ")
    assert _PAGE not in body or data.startswith(b"GET /metrics")
