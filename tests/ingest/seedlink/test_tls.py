"""Encrypting a connection, and proving who is there."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from quake_stream.ingest.seedlink.link import receive, send
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.pulse import Pulse, StoppedError
from quake_stream.ingest.seedlink.tls import encrypt

DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def pulse() -> Iterator[Pulse]:
    with Pulse(poll_s=0.05) as made:
        yield made


Connect = Callable[[trustme.LeafCert | None], socket.socket]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connect to a server that shows this certificate and echoes; without one it says ``hello``, or nothing."""
    threads: list[threading.Thread] = []
    sockets: list[socket.socket] = []

    def serve(theirs: socket.socket, certificate: trustme.LeafCert | None) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if certificate is not None:
            certificate.configure_cert(context)
            try:
                with context.wrap_socket(theirs, server_side=True) as encrypted:
                    encrypted.sendall(encrypted.recv(100))
            except OSError:
                return  # the client did not trust it

    def start(certificate: trustme.LeafCert | None) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.settimeout(DEADLINE_S)
        sockets.extend((ours, theirs))
        threads.append(threading.Thread(target=serve, args=(theirs, certificate)))
        threads[-1].start()
        return ours

    yield start
    for sock in sockets:
        sock.close()
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def refusal(
    sock: socket.socket, pulse: Pulse, ca_file: Path | None, host: str = "localhost"
) -> LinkLostError:
    with pytest.raises(LinkLostError) as caught:
        encrypt(sock, host, pulse, timeout_s=DEADLINE_S, ca_file=ca_file)
    assert sock.fileno() == -1
    return caught.value


def test_bytes_go_both_ways(connect: Connect, authority: trustme.CA, pulse: Pulse, ca_file: Path) -> None:
    sock = connect(authority.issue_cert("localhost"))
    with encrypt(sock, "localhost", pulse, timeout_s=DEADLINE_S, ca_file=ca_file) as encrypted:
        assert send(encrypted, b"quake") == 5
        data = b""
        while not data:  # what comes first may be TLS's own
            assert pulse.wait(encrypted, 1, pulse.now_s() + DEADLINE_S)
            data = receive(encrypted)
        assert data == b"quake"


def test_a_certificate_of_an_unknown_authority_is_refused(
    connect: Connect, pulse: Pulse, ca_file: Path, authority: trustme.CA
) -> None:
    lost = refusal(connect(trustme.CA().issue_cert("localhost")), pulse, ca_file)
    assert (lost.reason, "unable to get local issuer" in lost.detail) == (Lost.CERTIFICATE, True)
    # The system's authorities do not vouch for it either.
    assert refusal(connect(authority.issue_cert("localhost")), pulse, None).reason is Lost.CERTIFICATE


def test_a_certificate_of_another_host_is_refused(
    connect: Connect, authority: trustme.CA, pulse: Pulse, ca_file: Path
) -> None:
    lost = refusal(connect(authority.issue_cert("other.example")), pulse, ca_file)
    assert (lost.reason, "Hostname mismatch" in lost.detail) == (Lost.CERTIFICATE, True)


def test_an_expired_certificate_is_refused(
    connect: Connect, authority: trustme.CA, pulse: Pulse, ca_file: Path
) -> None:
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    lost = refusal(connect(authority.issue_cert("localhost", not_after=past)), pulse, ca_file)
    assert (lost.reason, lost.detail) == (Lost.CERTIFICATE, "certificate has expired")


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_file_of_authorities_that_is_none_is_named(
    connect: Connect, pulse: Pulse, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "wrong.pem"
    if content is not None:
        path.write_bytes(content)
    lost = refusal(connect(None), pulse, path)
    assert (lost.reason, str(path) in lost.detail) == (Lost.CERTIFICATE, True)


def test_a_server_that_does_not_speak_tls_is_told_from_one_without_proof(pulse: Pulse, ca_file: Path) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        theirs.sendall(b"SeedLink v3.1 is all that I know\r\n")
        assert refusal(ours, pulse, ca_file).reason is Lost.TLS


@pytest.mark.parametrize("host", ["", ".x"])
def test_a_host_that_no_certificate_can_name_is_refused(
    connect: Connect, pulse: Pulse, ca_file: Path, host: str
) -> None:
    assert refusal(connect(None), pulse, ca_file, host).reason is Lost.TLS


def test_a_server_that_says_nothing_is_given_up(connect: Connect, pulse: Pulse, ca_file: Path) -> None:
    with pytest.raises(LinkLostError) as caught:
        encrypt(connect(None), "localhost", pulse, timeout_s=0.1, ca_file=ca_file)
    assert caught.value.reason is Lost.COMMAND_TIMEOUT


def test_a_stop_ends_the_handshake(connect: Connect, pulse: Pulse, ca_file: Path) -> None:
    pulse.stop()
    with pytest.raises(StoppedError):
        encrypt(connect(None), "localhost", pulse, timeout_s=DEADLINE_S, ca_file=ca_file)
