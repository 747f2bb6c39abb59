"""Program that the kill tests kill: a SeedLink server whose recording goes as far as its standard input says."""

import os
import sys
from pathlib import Path

from quake_stream.counters import Counters
from quake_stream.mseed import archive
from quake_stream.replay.server import ReplayServer
from quake_stream.types import NS_PER_S


class HandClock:
    """Data come as far as it is turned."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def main(folder: Path, port: int, seconds: float) -> None:
    clock = HandClock()
    index = archive.index([folder], counters=Counters())
    server = ReplayServer(index, port=port, restamp=False, clock=clock)
    rest = b""
    with server:  # until it is killed
        print("ready", flush=True)
        while True:
            clock.ns = round(seconds * NS_PER_S)
            server.wake()
            read = os.read(0, 4096)
            if not read:
                return
            *lines, rest = (rest + read).split(b"\n")
            seconds = float(lines[-1]) if lines else seconds


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
