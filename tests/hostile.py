"""Recordings for servers that misbehave, a client to read them, and what must come of it."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from fake_seedlink import DEADLINE_S, START_NS
from listening import Client
from pymseed import DataEncoding, MS3Record

from quake_stream.counters import Counters
from quake_stream.ingest.resume import ResumeStore
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.replay.faults import Ending, Faults, LinkFaults, Transmission
from quake_stream.replay.recording import RecordList
from quake_stream.replay.server import ReplayServer
from quake_stream.selection import parse_streams
from quake_stream.types import NS_PER_S, Packet
from quake_stream.windowing.trace import Trace

RATE_HZ = 10
FIRST_INDEX = START_NS // NS_PER_S * RATE_HZ


def make_record(second: int, station: str = "AAA", *, length: int = 128, version: int = 2) -> bytes:
    """One second of one stream; each sample is its own number, so that one in the wrong place is seen."""
    made = MS3Record()
    made.sourceid = f"FDSN:XX_{station}__H_H_Z"
    made.starttime, made.samprate = START_NS + second * NS_PER_S, float(RATE_HZ)
    made.formatversion, made.reclen, made.encoding = version, length, DataEncoding.INT32
    record: bytes
    (record,) = made.generate(np.arange(RATE_HZ, dtype=np.int32) + second * RATE_HZ, "i")
    return record


def make_records(seconds: int | range, *stations: str, length: int = 128) -> list[bytes]:
    """One record a second of each station."""
    seconds = range(seconds) if isinstance(seconds, int) else seconds
    return [make_record(s, station, length=length) for s in seconds for station in stations or ("AAA",)]


def serve(records: Sequence[bytes], **options: Any) -> ReplayServer:
    """Serve records from the first on, as fast as they are read; to be started, or used in a ``with``."""
    return ReplayServer(
        RecordList(records), **({"speed": 0, "restamp": False, "wait_for_clients": 1} | options)
    )


@contextlib.contextmanager
def listen(
    address: str, *streams: str, positions: ResumeStore | None = None, **options: Any
) -> Iterator[Client]:
    """Read from a server, quick to try again; the options are those of the settings and of the source."""
    others = {key: options.pop(key) for key in ("now_ns", "getaddrinfo") if key in options}
    client = Client(
        address,
        positions or ResumeStore(None),
        include=tuple(p for text in streams or ("XX.*",) for p in parse_streams(text)),
        settings=SeedLinkSettings(**({"retry_first_s": 0.001, "retry_limit_s": 0.01} | options)),
        **others,
    )
    try:
        yield client
    finally:
        client.stop()


class Heard:
    """What the rings of the service hold after these packets, and the gaps that they report."""

    def __init__(self, packets: Sequence[Packet]) -> None:
        self.counters = Counters()
        self.gaps: dict[str, list[range]] = {}
        self._traces: dict[str, Trace] = {}
        for packet in packets:
            self._take(packet)

    def seconds(self, station: str = "AAA") -> list[range]:
        """Gap-free runs of a station; fails where a sample is not in its place."""
        raw = self._traces[station].raw
        for start, stop in raw.runs:
            held = raw.read(start, stop)
            assert held is not None
            assert held.tolist() == list(range(start - FIRST_INDEX, stop - FIRST_INDEX))
        assert not self.counters.total("samples.conflicting")
        return [
            range((start - FIRST_INDEX) // RATE_HZ, (stop - FIRST_INDEX) // RATE_HZ)
            for start, stop in raw.runs
        ]

    def _take(self, packet: Packet) -> None:
        station = packet.source_id.station
        if station not in self._traces:
            self._traces[station] = Trace(
                source_id=packet.source_id,
                sample_rate_hz=RATE_HZ,
                highpass=None,
                ring_s=3600.0,
                counters=self.counters,
            )
        found = self.gaps.setdefault(station, [])
        found += [
            range(_second(g.start_ns), _second(g.end_ns)) for g in self._traces[station].receive(packet)
        ]


def _second(time_ns: int) -> int:
    return round((time_ns - START_NS) / NS_PER_S)


def last_is(client: Client, second: int, *stations: str) -> None:
    """Wait until the record of this second has come from each station."""
    end_ns = START_NS + (second + 1) * NS_PER_S
    wanted = set(stations or ("AAA",))
    client.until(lambda: wanted <= {p.source_id.station for p in client.packets if p.end_ns == end_ns})


def losses(client: Client, n: int) -> None:
    """Wait for so many lost connections; the time that a test may take is for ten of them at a time."""
    for so_far in (*range(10, n, 10), n):
        client.until(lambda so_far=so_far: client.total("connections.lost") >= so_far)


class ByLink(Faults):
    """Another fault on each connection, healthy ones after the last."""

    def __init__(self, *links: LinkFaults) -> None:
        self._links = links

    def link(self, n_link: int) -> LinkFaults:
        return self._links[n_link] if n_link < len(self._links) else LinkFaults()


class Rewrite(LinkFaults):
    """Put others in the place of packets: ``replace`` is told the number of the packet, from 0, and it."""

    def __init__(self, replace: Callable[[int, bytes], Sequence[bytes]]) -> None:
        self._replace = replace
        self._n_packets = 0

    def packets(self, packet: bytes) -> Sequence[bytes]:
        self._n_packets += 1
        return self._replace(self._n_packets - 1, packet)


class CutReplies(LinkFaults):
    """Close the connection after so many bytes of replies."""

    def __init__(self, n_bytes: int) -> None:
        self._n_left = n_bytes

    def transmission(self, *, n_sent: int, n_waiting: int, is_handshake: bool) -> Transmission:
        n_bytes = min(self._n_left, n_waiting)
        self._n_left -= n_bytes
        return Transmission(n_bytes=n_bytes, ending=Ending.NONE if self._n_left else Ending.FIN)


class HandClock:
    """
    A server's clock that stands until it is moved.

    The replay begins with the first reader, who gets record 0 at once: wait for it before moving the clock.
    """

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns

    def send_until(self, server: ReplayServer, second: int) -> None:
        """Let the records up to the one of this second be due."""
        self.now_ns = START_NS + second * NS_PER_S
        server.wake()


class Relay:
    """
    Stand between client and server, and swallow what they say.

    A connection that was swallowed stays open on both sides: neither can tell.
    """

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.n_links = 0
        self.is_closed = False  # to new connections
        self._n_swallowed = 0
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="relay")]
        self._threads[0].start()

    def swallow(self) -> None:
        """Let nothing more through on the connections that are open now."""
        self._n_swallowed = self.n_links

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()
        for sock in (self._listener, *self._sockets):
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.is_closed:
                    client.close()
                    continue
                server = socket.create_connection(self._upstream)
                self._sockets += [client, server]
                for pair in ((client, server), (server, client)):
                    self._threads.append(threading.Thread(target=self._carry, args=(*pair, self.n_links)))
                    self._threads[-1].start()
                self.n_links += 1

    def _carry(self, source: socket.socket, sink: socket.socket, n_link: int) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if n_link >= self._n_swallowed:
                    sink.sendall(data)
            if n_link >= self._n_swallowed:
                sink.shutdown(socket.SHUT_WR)
