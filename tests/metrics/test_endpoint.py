"""The address of the metrics: opened when it is free, and no reason to end."""

import contextlib
import errno
import socket
import threading
import time
import urllib.request

import pytest
import structlog

from quake_stream.counters import Key
from quake_stream.metrics.endpoint import MetricsEndpoint


@pytest.fixture
def endpoint():
    with contextlib.ExitStack() as stack:

        def make(address, *, is_asked_for=True):
            made = MetricsEndpoint(address, lambda: b"x 1\n", failed=lambda: None, is_asked_for=is_asked_for)
            stack.callback(stop, made)
            return made

        yield make


def stop(endpoint):
    endpoint.stop()
    for thread in endpoint.threads:
        thread.join(60)
        assert not thread.is_alive()
        assert thread.failure is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_is_open_once_it_is_tended_and_says_where(endpoint, host):
    made = endpoint((host, 0))
    with structlog.testing.capture_logs() as logs:
        made.tend(0.0)
        made.tend(100.0)
    (line,) = logs
    assert line["event"] == "metrics.listening"
    with urllib.request.urlopen(line["url"], timeout=60) as response:
        assert response.read() == b"x 1\n"
    # The answer is read before the server has closed the connection and counted it.
    deadline_s, pause = time.monotonic() + 60, threading.Event()
    while Key("scrapes.answered") not in made.counts():
        assert time.monotonic() < deadline_s
        pause.wait(0.01)
    assert made.counts()[Key("scrapes.answered")] == 1


def test_no_address_opens_nothing(endpoint):
    made = endpoint(None)
    made.tend(0.0)
    assert made.threads == ()
    assert made.counts() == {}


@pytest.mark.fault(47)
def test_a_port_in_use_is_told_once_counted_and_tried_again(endpoint):
    with socket.create_server(("127.0.0.1", 0)) as taken, structlog.testing.capture_logs() as logs:
        address = taken.getsockname()
        made = endpoint(address)
        for now_s in (0.0, 1.0, 9.0, 10.5, 12.0):
            made.tend(now_s)
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("metrics.unavailable", "warning")
    assert line["url"] == f"http://127.0.0.1:{address[1]}/metrics"
    assert made.counts() == {Key("metrics.unavailable", errno.errorcode[errno.EADDRINUSE]): 2}
    assert made.threads == ()
    made.tend(21.0)
    assert len(made.threads) == 1


def test_that_the_usual_address_is_taken_is_no_trouble_where_nobody_chose_it(endpoint):
    with socket.create_server(("127.0.0.1", 0)) as taken, structlog.testing.capture_logs() as logs:
        made = endpoint(taken.getsockname(), is_asked_for=False)
        made.tend(0.0)
    assert [line["log_level"] for line in logs] == ["info"]
    assert made.counts() == {}


def test_a_failing_thread_is_handed_to_the_supervisor(monkeypatch):
    failed = []
    made = MetricsEndpoint(
        ("127.0.0.1", 0), lambda: b"", failed=lambda: failed.append(True), is_asked_for=True
    )
    monkeypatch.setattr("quake_stream.metrics.server.asyncio.start_server", None)
    made.tend(0.0)
    (thread,) = made.threads
    thread.join(60)
    assert isinstance(thread.failure, TypeError)
    assert failed == [True]
