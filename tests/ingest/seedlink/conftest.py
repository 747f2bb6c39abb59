"""A running client of the fake server, joined at the end of the test."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_seedlink import DEADLINE_S, FakeServer

from quake_stream.ingest.resume import ResumeStore
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.ingest.seedlink.source import SeedLinkSource
from quake_stream.selection import parse_streams
from quake_stream.types import Packet


class Client:
    """A source in its thread, and what it delivered."""

    def __init__(self, address: str, positions: ResumeStore, **options: Any) -> None:
        self.positions = positions
        self.packets: list[Packet] = []
        self._changed = threading.Condition()
        self.source = SeedLinkSource(
            address, positions=positions, monotonic=self._clock, poll_s=0.05, **options
        )
        self.thread = threading.Thread(target=self.source.run, args=(self._take,), name="client")
        self.thread.start()

    def _clock(self) -> float:
        # The source looks at its clock in every turn, which makes a turn something to wait for.
        with self._changed:
            self._changed.notify_all()
        return time.monotonic()

    def until(self, predicate: Callable[[], bool]) -> None:
        """Wait for something that the source's thread brings about."""
        with self._changed:
            assert self._changed.wait_for(predicate, DEADLINE_S), f"never came; {self.source.counts()}"

    def _take(self, packet: Packet) -> None:
        self.source.acknowledge(packet)
        with self._changed:
            self.packets.append(packet)
            self._changed.notify_all()

    def wait_for(self, n_packets: int) -> list[int]:
        """Wait for so many packets and return the sequence numbers of all."""
        self.until(lambda: len(self.packets) >= n_packets)
        return self.sequences

    @property
    def sequences(self) -> list[int]:
        return [packet.position.sequence for packet in self.packets if packet.position]

    def total(self, name: str, reason: str | None = None) -> int:
        """Sum of one counter."""
        counts = self.source.counts().items()
        return sum(n for key, n in counts if key.name == name and reason in {None, key.reason})

    def stop(self) -> None:
        self.source.stop()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()


@pytest.fixture
def listen(server: FakeServer) -> Iterator[Callable[..., Client]]:
    """Start a client of the server: ``listen("XX.AAA")``; quick to try again, and slow to give up."""
    clients: list[Client] = []

    def start(
        *streams: str, positions: ResumeStore | None = None, address: str = "", **options: Any
    ) -> Client:
        include = tuple(p for text in streams or ("XX.AAA",) for p in parse_streams(text))
        exclude = tuple(p for text in options.pop("exclude", ()) for p in parse_streams(text))
        others = {key: options.pop(key) for key in ("now_ns", "getaddrinfo") if key in options}
        others |= {"include": include, "exclude": exclude}
        settings = SeedLinkSettings(**({"retry_first_s": 0.01, "retry_limit_s": 0.05} | options))
        store = positions or ResumeStore(None)
        clients.append(Client(address or server.address, store, settings=settings, **others))
        return clients[-1]

    yield start
    for client in clients:
        client.stop()
