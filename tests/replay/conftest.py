"""Small recordings, a clock that is turned by hand and a raw client for the replay server's tests."""

import socket
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pymseed import DataEncoding, MS3Record

from quake_stream.replay.recording import RecordList
from quake_stream.replay.server import ReplayServer
from quake_stream.types import NS_PER_S

START_NS = 1_500_000_000 * NS_PER_S
TIMEOUT_S = 20.0


def build(
    nslc: str = "XX.AAA.00.HHZ",
    start_ns: int = START_NS,
    n_samples: int = 100,
    *,
    length: int = 512,
    version: int = 2,
    samples: np.ndarray | None = None,
) -> bytes:
    """One record at 100 Hz."""
    network, station, location, channel = nslc.split(".")
    made = MS3Record()
    made.sourceid = f"FDSN:{network}_{station}_{location}_{'_'.join(channel)}"
    made.starttime, made.samprate = start_ns, 100.0
    made.formatversion, made.reclen, made.encoding = version, length, DataEncoding.STEIM2
    data = np.arange(n_samples, dtype=np.int32) % 7 if samples is None else samples
    (record,) = made.generate(data, "i")
    return record


@pytest.fixture
def make_record() -> Callable[..., bytes]:
    return build


@pytest.fixture
def make_recording() -> Callable[..., RecordList]:
    """One record a second of each station."""

    def make(n_records: int = 5, stations: tuple[str, ...] = ("AAA",), **options) -> RecordList:
        return RecordList(
            build(f"XX.{station}.00.HHZ", START_NS + second * NS_PER_S, **options)
            for second in range(n_records)
            for station in stations
        )

    return make


class HandClock:
    """Shows the time that it was last set to."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * NS_PER_S
        self.server: ReplayServer | None = None

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS_PER_S)
        assert self.server is not None
        self.server.wake()


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()


class RawClient:
    """A socket that reads exactly so many bytes, with a bound against hanging."""

    def __init__(self, server: ReplayServer, commands: str, *, receive_bytes: int | None) -> None:
        self.sock = socket.socket()
        self.sock.settimeout(TIMEOUT_S)
        if receive_bytes is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.sock.connect(("127.0.0.1", server.port))
        self.sock.sendall(commands.encode())

    def send(self, commands: str) -> None:
        self.sock.sendall(commands.encode())

    def read(self, n_bytes: int) -> bytes:
        data = bytearray()
        while len(data) < n_bytes:
            piece = self.sock.recv(n_bytes - len(data))
            if not piece:
                break
            data += piece
        return bytes(data)

    def read_to_end(self) -> bytes:
        data = b""
        while piece := self.sock.recv(65_536):
            data += piece
        return data

    def packets(self, n_packets: int, length: int = 512) -> list[tuple[int, bytes]]:
        """Sequence and record of each."""
        found = []
        for _ in range(n_packets):
            packet = self.read(8 + length)
            assert packet[:2] == b"SL", packet
            found.append((int(packet[2:8], 16), packet[8:]))
        return found

    def close(self) -> None:
        self.sock.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., RawClient]]:
    clients = []

    def open_client(
        server: ReplayServer, commands: str = "", *, receive_bytes: int | None = None
    ) -> RawClient:
        clients.append(RawClient(server, commands, receive_bytes=receive_bytes))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture
def serve(hand_clock: HandClock) -> Iterator[Callable[..., ReplayServer]]:
    """Start servers that are stopped, with their threads gone, when the test ends."""
    servers = []

    def start(recording: RecordList, **options) -> ReplayServer:
        options = {"clock": hand_clock, "restamp": False} | options
        server = ReplayServer(recording, **options)
        hand_clock.server = server
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("replay-")]
