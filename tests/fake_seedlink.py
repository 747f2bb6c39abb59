"""A SeedLink 3 server that does what a test tells it to, and records for it to send."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

DEADLINE_S = 60.0
HELLO = b"SeedLink v3.1 (fake/1) :: SLPROTO:3.1 CAP EXTREPLY NSWILDCARD BATCH\r\nTest site\r\n"
START_NS = 1_750_000_000 * 10**9


def record(
    station: str = "AAA",
    *,
    network: str = "XX",
    location: str = "",
    channel: str = "HHZ",
    start_ns: int = START_NS,
    length: int = 512,
    n_samples: int = 10,
    blockette_1000: bool = True,
) -> bytes:
    """Build a miniSEED 2 record of int32 samples 0, 1, 2… at 100 Hz."""
    time = np.datetime64(start_ns, "ns")
    year = int(time.astype("datetime64[Y]").astype(int)) + 1970
    day = int((time.astype("datetime64[D]") - np.datetime64(f"{year}", "D")).astype(int)) + 1
    second, rest = divmod(start_ns // 100_000, 10_000)
    codes = f"{station:<5}{location:<2}{channel:<3}{network:<2}".encode()
    clock = (second // 3600 % 24, second // 60 % 60, second % 60, 0, rest)
    link = 48 if blockette_1000 else 0
    fixed = struct.pack(">HHBBBBHHhhBBBBlHH", year, day, *clock, n_samples, 100, 1, 0, 0, 0, 1, 0, 64, link)
    power = length.bit_length() - 1
    blockette = struct.pack(">HHBBBx", 1000, 0, 3, 1, power) if blockette_1000 else bytes(8)
    samples = np.arange(n_samples, dtype=">i4").tobytes()
    return (b"000001D " + codes + fixed + blockette + bytes(8) + samples).ljust(length, b"\0")


def record_v3(station: str = "AAA", *, network: str = "XX", start_ns: int = START_NS, n: int = 7) -> bytes:
    """Build a miniSEED 3 record of int32 samples at 100 Hz."""
    time = np.datetime64(start_ns, "ns")
    year = int(time.astype("datetime64[Y]").astype(int)) + 1970
    day = int((time.astype("datetime64[D]") - np.datetime64(f"{year}", "D")).astype(int)) + 1
    second, nanosecond = divmod(start_ns, 10**9)
    sid = f"FDSN:{network}_{station}__H_H_Z".encode()
    samples = np.arange(n, dtype="<i4").tobytes()
    clock = (nanosecond, year, day, second // 3600 % 24, second // 60 % 60, second % 60)
    head = struct.pack(
        "<2sBBIHHBBBBdIIBBHI", b"MS", 3, 0, *clock, 3, 100.0, n, 0, 1, len(sid), 0, len(samples)
    )
    body = head + sid + samples
    crc = 0xFFFFFFFF  # CRC-32C over the record with a checksum of zero
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return body[:28] + struct.pack("<I", crc ^ 0xFFFFFFFF) + body[32:]


def info(text: str, *, channel: str = "INF") -> bytes:
    """Build the packets of an answer to INFO."""
    data = text.encode()
    parts = [data[i : i + 456] for i in range(0, len(data), 456)] or [b""]
    packets = b""
    for i, part in enumerate(parts):
        clock = struct.pack(">HHBBBBH", 2025, 1, 0, 0, 0, 0, 0)
        fixed = clock + struct.pack(">HhhBBBBlHH", len(part), 0, 0, 0, 0, 0, 1, 0, 56, 48)
        blockette = struct.pack(">HHBBBx", 1000, 0, 0, 1, 9)
        body = b"000001D INFO   " + channel.encode() + b"XX" + fixed + blockette + part
        packets += (b"SLINFO *" if i < len(parts) - 1 else b"SLINFO  ") + body.ljust(512, b"\0")
    return packets


def packet(sequence: int, body: bytes) -> bytes:
    """Put the SeedLink header before a record."""
    return b"SL%06X" % sequence + body


@dataclass
class FakeServer:
    """
    Ring of (sequence, station, record) and what to do with each connection.

    ``behaviours`` are used up one per connection, then ``Peer.serve`` is.  ``commands`` holds what each
    connection was told, in order.
    """

    hello: bytes = HELLO
    started: str = "2025/01/01 00:00:00"
    stations_xml: str = ""
    drip: int = 0  # bytes per send; 0 for whole replies
    replies: dict[str, bytes] = field(default_factory=dict)
    behaviours: list[Callable[["Peer"], None]] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    ring: list[tuple[int, str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self.is_closing = False
        self.errors: list[BaseException] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._peers: list[Peer] = []
        self._threads = [threading.Thread(target=self._accept, name="fake-accept")]
        self._threads[0].start()

    def feed(self, sequence: int, body: bytes, station: str = "AAA") -> None:
        """Put a record into the ring; connected clients get it."""
        with self.changed:
            self.ring.append((sequence, station, body))
            self.changed.notify_all()

    def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Wait until something holds that commands or connections can change."""
        with self.changed:
            assert self.changed.wait_for(predicate, DEADLINE_S), f"never came; commands: {self.commands}"

    def all_commands(self) -> list[str]:
        """Commands of all connections."""
        with self.changed:
            return [command for told in self.commands for command in told]

    def close(self) -> None:
        with self.changed:
            self.is_closing = True
            self.changed.notify_all()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in list(self._peers):
            peer.close()
        for thread in self._threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self.changed:
                if self.is_closing:
                    sock.close()
                    return
                self.commands.append([])
                peer = Peer(self, sock, self.commands[-1])
                self._peers.append(peer)
                self.changed.notify_all()
            behaviour = self.behaviours.pop(0) if self.behaviours else Peer.serve
            thread = threading.Thread(target=self._handle, args=(behaviour, peer), name="fake-peer")
            self._threads.append(thread)
            thread.start()

    def _handle(self, behaviour: Callable[["Peer"], None], peer: "Peer") -> None:
        try:
            behaviour(peer)
        except OSError:
            pass  # the client went away, as it may
        except BaseException as exc:  # noqa: BLE001  the fixture raises it again
            self.errors.append(exc)
        finally:
            peer.close()


class Peer:
    """One client, as the server sees it."""

    def __init__(self, server: FakeServer, sock: socket.socket, told: list[str]) -> None:
        self.server = server
        self.sock = sock
        self.told = told
        self.is_gone = False
        self._rest = b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(DEADLINE_S)

    def send(self, data: bytes) -> None:
        step = self.server.drip or max(1, len(data))
        for i in range(0, len(data), step):
            self.sock.sendall(data[i : i + step])

    def command(self) -> str:
        """Read the next command; OSError when the client is gone."""
        while b"\r" not in self._rest:
            data = self.sock.recv(4096)
            if not data:
                raise ConnectionError("client closed")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\r")
        text = line.decode().strip()
        with self.server.changed:
            self.told.append(text)
            self.server.changed.notify_all()
        return text

    def answer(self, command: str) -> None:
        """Reply as a well-behaved server does, or as ``replies`` says for this command."""
        server = self.server
        if command in server.replies:
            self.send(server.replies[command])
        elif command == "HELLO":
            self.send(server.hello)
        elif command == "INFO ID":
            self.send(info(f'<seedlink software="fake" started="{server.started}"/>'))
        elif command == "INFO STATIONS":
            self.send(info(server.stations_xml))
        elif command != "END":
            self.send(b"OK\r\n")

    def negotiate(self) -> None:
        """Answer until END."""
        while (command := self.command()) != "END":
            self.answer(command)

    def requests(self) -> dict[str, list[str]]:
        """Start command of each station that was asked for, split into words."""
        found, station = {}, ""
        for command in self.told:
            words = command.split()
            if words[0] == "STATION":
                station = words[1]
            elif words[0] in {"DATA", "TIME"}:
                found[station] = words
        return found

    def serve(self) -> None:
        self.negotiate()
        self.stream()

    def stream(self) -> None:
        """Send what was asked for from the ring, then what comes, until the client leaves."""
        requests = self.requests()
        reader = threading.Thread(target=self._answer_infos, name="fake-infos")
        reader.start()
        n_seen = 0
        try:
            while todo := self._next_records(n_seen):
                n_seen += len(todo)
                for sequence, station, body in todo:
                    if self._is_asked(requests, sequence, station):
                        self.send(packet(sequence, body))
        finally:
            self.close()
            reader.join(DEADLINE_S)

    def _next_records(self, n_seen: int) -> list[tuple[int, str, bytes]]:
        """Wait for records; empty when the client is gone or the server closes."""
        server = self.server
        with server.changed:
            server.changed.wait_for(lambda: server.is_closing or self.is_gone or n_seen < len(server.ring))
            return [] if server.is_closing or self.is_gone else server.ring[n_seen:]

    def _answer_infos(self) -> None:
        try:
            while True:
                self.answer(self.command())
        except OSError:
            with self.server.changed:
                self.is_gone = True
                self.server.changed.notify_all()

    @staticmethod
    def _is_asked(requests: dict[str, list[str]], sequence: int, station: str) -> bool:
        words = requests.get(station) or requests.get("*")
        if words is None:
            return False
        # Half the number range lies ahead of any number, so that a wrap is no return to the beginning.
        return words[0] == "TIME" or len(words) == 1 or (sequence - int(words[1], 16)) % 2**24 < 2**23

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
