"""A SeedLink source in a thread of its own, and what it delivers."""

import threading
import time
from collections.abc import Callable
from typing import Any

from fake_seedlink import DEADLINE_S

from quake_stream.ingest.resume import ResumeStore
from quake_stream.ingest.seedlink.source import SeedLinkSource
from quake_stream.types import Packet

PROMPT_S = 10.0  # what takes less, even on a busy machine, has not waited for the 20 s of a reply or longer


class Client:
    """A source in its thread, and what it delivered."""

    def __init__(self, address: str, positions: ResumeStore, **options: Any) -> None:
        self.positions = positions
        self.packets: list[Packet] = []
        self._changed = threading.Condition()
        self._next_notice_s = 0.0
        self.source = SeedLinkSource(
            address, positions=positions, monotonic=self._clock, poll_s=0.05, **options
        )
        self.thread = threading.Thread(target=self.source.run, args=(self._take,), name="client")
        self.thread.start()

    def _clock(self) -> float:
        # The source looks at its clock in every turn, which makes a turn something to wait for; it turns
        # thousands of times a second when there is much to read, and whoever waits must not slow it down.
        now_s = time.monotonic()
        if now_s >= self._next_notice_s:
            self._next_notice_s = now_s + 0.01
            with self._changed:
                self._changed.notify_all()
        return now_s

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
