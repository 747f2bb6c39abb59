"""The HTTP server: whoever is slow, silent or talks nonsense harms nobody."""

import contextlib
import socket
import threading
import time
from http.client import HTTPConnection

import pytest
import structlog

from quake_stream.counters import Key
from quake_stream.metrics import server as server_module
from quake_stream.metrics.server import MAX_CONNECTIONS, MetricsServer

DEADLINE_S = 60.0
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


class Running:
    """A server in a thread of its own."""

    def __init__(self, page, **options) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.address = listener.getsockname()
        self.server = MetricsServer(listener, page, **options)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, DEADLINE_S)

    def ask(self, request: bytes = GET) -> bytes:
        with self.connect() as sock:
            sock.sendall(request)
            return read_all(sock)

    def failed(self, reason: str) -> int:
        return self.server.counts().get(Key("scrapes.failed", reason), 0)

    def until(self, predicate) -> None:
        """Wait for what the server does in its own time."""
        deadline_s = time.monotonic() + DEADLINE_S
        waiting = threading.Event()
        while not predicate():
            assert time.monotonic() < deadline_s, self.server.counts()
            waiting.wait(0.01)

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()


def read_all(sock: socket.socket) -> bytes:
    answer = b""
    with contextlib.suppress(ConnectionError):
        while data := sock.recv(65536):
            answer += data
    return answer


@pytest.fixture
def run():
    started = []

    def start(page=lambda: b"x 1\n", **options) -> Running:
        started.append(Running(page, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def test_a_scrape_is_answered_and_counted(run):
    running = run()
    connection = HTTPConnection(*running.address, timeout=DEADLINE_S)
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"x 1\n")
    connection.close()
    running.until(lambda: running.server.counts() == {Key("scrapes.answered"): 1})


def test_a_page_serves_all_who_ask_within_a_second(run, monkeypatch):
    pages = iter(b"x %d\n" % n for n in range(10))
    running = run(lambda: next(pages))
    now_s = [0.0]
    monkeypatch.setattr(server_module.time, "monotonic", lambda: now_s[0])
    assert running.ask().endswith(b"x 0\n")
    now_s[0] = 0.9
    assert running.ask().endswith(b"x 0\n")
    now_s[0] = 1.1
    assert running.ask().endswith(b"x 1\n")


@pytest.mark.fault(47)
def test_who_asks_slowly_is_left_behind_and_holds_up_nobody(run):
    running = run(exchange_s=5.0)  # enough for who is not slow on a busy machine
    with running.connect() as slow:
        slow.sendall(GET[:10])
        assert running.ask().startswith(b"HTTP/1.1 200")
        assert read_all(slow) == b""
    running.until(lambda: running.failed("slow") == 1)


@pytest.mark.fault(47)
def test_who_reads_slowly_is_left_behind_and_holds_up_nobody(run):
    page = b"x 1\n" * 4_000_000
    running = run(lambda: page, exchange_s=5.0)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(DEADLINE_S)
        slow.connect(running.address)
        slow.sendall(GET)
        assert slow.recv(4) == b"HTTP"
        assert len(running.ask()) > len(page)
        running.until(lambda: running.failed("slow") == 1)
        assert len(read_all(slow)) < len(page)


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    "garbage", [b"\x00\xff" * 50 + b"\r\n\r\n", b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"SLPROTO 4.0\r\n\r\n"]
)
def test_garbage_is_told_so(run, garbage):
    running = run()
    assert running.ask(garbage).startswith(b"HTTP/1.1 400")
    assert running.ask().startswith(b"HTTP/1.1 200")


@pytest.mark.fault(47)
def test_endless_requests_are_cut(run):
    running = run()
    with running.connect() as sock, contextlib.suppress(ConnectionError):
        for _ in range(1000):
            sock.sendall(b"GET /" + b"x" * 10_000)
    running.until(lambda: running.failed("too_long") == 1)
    assert running.ask().startswith(b"HTTP/1.1 200")


@pytest.mark.fault(47)
def test_who_leaves_in_the_middle_costs_nothing(run):
    running = run()
    for request in (b"", GET[:10]):
        with running.connect() as sock:
            sock.sendall(request)
    running.until(lambda: running.failed("left") == 2)
    assert running.ask().startswith(b"HTTP/1.1 200")


@pytest.mark.fault(47)
def test_of_many_idle_connections_the_oldest_give_way(run):
    running = run()
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(running.connect()) for _ in range(200)]
        running.until(lambda: running.failed("crowded_out") >= 200 - MAX_CONNECTIONS)
        assert running.ask().startswith(b"HTTP/1.1 200")
        assert read_all(idle[0]) == b""
        assert threading.active_count() < 20
    assert running.ask().startswith(b"HTTP/1.1 200")


def test_a_page_that_cannot_be_made_costs_an_answer_and_is_told_once(run):
    running = run(lambda: 1 / 0)
    with structlog.testing.capture_logs() as logs:
        assert running.ask() == b""
        assert running.ask() == b""
        running.until(lambda: running.failed("error") == 2)
    (line,) = logs
    assert line["event"] == "metrics.failed"
    assert "ZeroDivisionError" in line["error"]
    assert running.ask(b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 404")


def test_a_stop_ends_it_whoever_is_connected(run):
    running = run()
    with running.connect(), running.connect() as asking:
        asking.sendall(GET[:10])
        assert running.ask()
        running.stop()
        assert read_all(asking) == b""
    with pytest.raises(ConnectionError):
        running.connect()
    running.server.stop()  # may be repeated


def test_a_stop_before_the_start_is_heard():
    listener = socket.create_server(("127.0.0.1", 0))
    server = MetricsServer(listener, lambda: b"")
    server.stop()
    thread = threading.Thread(target=server.run)
    thread.start()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
