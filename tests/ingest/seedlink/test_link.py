"""Opening and using TCP connections."""

import errno
import select
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from quake_stream.ingest.seedlink.address import Address
from quake_stream.ingest.seedlink.link import open_socket, receive, send
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.pulse import Pulse


@pytest.fixture
def pulse() -> Iterator[Pulse]:
    with Pulse(poll_s=0.05) as made:
        yield made


def entry(host: str, port: int) -> tuple:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))


def test_the_second_address_is_tried_when_the_first_refuses(pulse: Pulse) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found = [entry(*closed.getsockname()), entry(*listener.getsockname())]
        with open_socket(
            Address(host="x", port=1), pulse, timeout_s=5.0, getaddrinfo=lambda *_, **__: found
        ) as sock:
            assert sock.getpeername() == listener.getsockname()
            assert not sock.getblocking()


@pytest.mark.fault(5)
def test_a_server_that_does_not_accept_is_given_up_at_the_time_out(pulse: Pulse) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        address = Address(host="127.0.0.1", port=full.getsockname()[1])
        with pytest.raises(LinkLostError) as caught:
            open_socket(address, pulse, timeout_s=0.2)
        for filler in fillers:
            filler.close()
    assert caught.value.reason is Lost.CONNECT_TIMEOUT


@pytest.mark.fault(6)
@pytest.mark.parametrize(
    ("answer", "reason"),
    [(OSError("no name"), Lost.DNS), (UnicodeError("label too long"), Lost.DNS), ([], Lost.DNS)],
)
def test_a_name_without_address_is_a_loss_by_dns(pulse: Pulse, answer: object, reason: Lost) -> None:
    def resolve(*_: object, **__: object) -> list[tuple]:
        if isinstance(answer, Exception):
            raise answer
        return []

    with pytest.raises(LinkLostError) as caught:
        open_socket(Address(host="x", port=1), pulse, timeout_s=5.0, getaddrinfo=resolve)
    assert caught.value.reason is reason


def n_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_descriptor_is_left_behind_by_failures(pulse: Pulse) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = Address(host="127.0.0.1", port=closed.getsockname()[1])
        before = n_descriptors()
        for _ in range(5):
            with pytest.raises(LinkLostError) as caught:
                open_socket(address, pulse, timeout_s=5.0)
            assert caught.value.reason is Lost.REFUSED
        # The last look-up thread may still close its own
        assert n_descriptors() <= before + 1


def pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    client.setblocking(False)
    return client, peer


def test_d03_end_and_reset_of_the_stream_are_told_apart(pulse: Pulse) -> None:
    client, peer = pair()
    with client:
        assert receive(client) == b""
        peer.close()
        pulse.wait(client, select.POLLIN, pulse.now_s() + 10)
        with pytest.raises(LinkLostError) as caught:
            receive(client)
    assert caught.value.reason is Lost.EOF
    client, peer = pair()
    with client:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        pulse.wait(client, select.POLLIN, pulse.now_s() + 10)
        with pytest.raises(LinkLostError) as caught:
            receive(client)
        assert caught.value.reason is Lost.RESET
        with pytest.raises(LinkLostError):
            send(client, b"x")


def test_a_full_send_buffer_takes_nothing_and_does_not_block() -> None:
    client, peer = pair()
    with client, peer:
        while send(client, bytes(1 << 20)):
            pass
        assert send(client, b"x") == 0


@pytest.mark.fault(4)
def test_a_peer_that_vanished_is_half_open() -> None:
    class Vanished:
        def recv(self, n: int) -> bytes:
            raise OSError(errno.ETIMEDOUT, "timed out")

    with pytest.raises(LinkLostError) as caught:
        receive(Vanished())  # type: ignore[arg-type]  # a stand-in
    assert caught.value.reason is Lost.HALF_OPEN


def test_the_lack_of_descriptors_is_a_loss_and_no_failure(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socketpair", full)
    with pytest.raises(LinkLostError, match="Too many open files") as lost:
        open_socket(Address(host="localhost", port=1), pulse, timeout_s=5.0)
    assert lost.value.reason is Lost.UNREACHABLE
