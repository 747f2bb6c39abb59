"""HTTP as far as metrics need it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.metrics.http import answer


def status(request: bytes) -> bytes:
    return answer(request, lambda: b"x 1\n").split(b"\r\n")[0]


@pytest.mark.parametrize("target", [b"/metrics", b"/metrics?name=x"])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_metrics_are_given_to_who_asks(target, version):
    response = answer(b"GET " + target + b" HTTP/" + version + b"\r\nHost: x\r\n\r\n", lambda: b"x 1\n")
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n" in head
    assert b"\r\nContent-Length: 4\r\n" in head
    assert b"\r\nConnection: close" in head
    assert body == b"x 1\n"


def test_a_head_request_gets_no_body():
    response = answer(b"HEAD /metrics HTTP/1.1\r\n\r\n", lambda: b"x 1\n")
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 4\r\n" in response
    assert response.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        (b"GET / HTTP/1.1", b"404"),
        (b"GET /metricsx HTTP/1.1", b"404"),
        (b"POST /metrics HTTP/1.1", b"405"),
        (b"GET metrics HTTP/1.1", b"400"),
        (b"GET /metrics", b"400"),
        (b"GET /metrics HTTP/2.0", b"400"),
        (b"SLPROTO 4.0", b"400"),
        (b"\x16\x03\x01\x02\x00\x01", b"400"),
    ],
)
def test_other_requests_are_told_so_and_cost_no_page(request_line, expected):
    response = answer(request_line + b"\r\n\r\n", lambda: pytest.fail("a page was made"))
    assert response.startswith(b"HTTP/1.1 " + expected)


@given(st.binary(max_size=200))
def test_whatever_comes_is_answered(request):
    assert status(request + b"\r\n\r\n").startswith(b"HTTP/1.1 ")
