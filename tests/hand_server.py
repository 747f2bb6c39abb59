"""
A SeedLink server whose recording goes as far as it is told to.

As a program, for tests that kill it, it is told so by its standard input.
"""

import os
import sys
from pathlib import Path

from quake_stream.counters import Counters
from quake_stream.mseed import archive
from quake_stream.replay.server import ReplayServer
from quake_stream.types import NS_PER_S


class HandServer:
    """
    Serve the records of a folder; ``behind_s`` is how much later they come than they might.

    With ``wait`` not even the first comes before there is a client; do not advance it before that.
    """

    def __init__(self, folder: Path, *, port: int = 0, behind_s: float = 0.0, wait: bool = False) -> None:
        self._index = archive.index([folder], counters=Counters())
        self._behind_s = behind_s
        self._ns = 0
        self._replay = ReplayServer(
            self._index, port=port, restamp=False, wait_for_clients=int(wait), clock=lambda: self._ns
        )
        self.address = self._replay.start().address

    def advance(self, seconds: float) -> int:
        """Send what had ended so long after the first record did; returns how many records that is."""
        self._ns = round(max(0.0, seconds - self._behind_s) * NS_PER_S)
        self._replay.wake()
        return int((self._index.end_ns <= self._index.end_ns.min() + self._ns).sum())

    @property
    def stations(self) -> set[tuple[str, str]]:
        """Network and station codes."""
        return {(source_id.network, source_id.station) for source_id in self._index.streams}

    def stop(self) -> None:
        self._replay.stop()


def main(folder: Path, port: int, seconds: float) -> None:
    server = HandServer(folder, port=port)
    rest = b""
    print("ready", flush=True)
    while True:  # until it is killed
        server.advance(seconds)
        read = os.read(0, 4096)
        if not read:
            server.stop()
            return
        *lines, rest = (rest + read).split(b"\n")
        seconds = float(lines[-1]) if lines else seconds


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
