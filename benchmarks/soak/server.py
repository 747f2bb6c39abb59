# ruff: noqa: INP001  part of a script, no package
"""
A SeedLink server that does everything wrong, as a process that is killed and started again.

It is ``quake-stream replay`` with real recordings in a loop, at a multiple of real time.
"""

import select
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

from quake_stream.mseed.header import peek
from quake_stream.replay.demo_data import write_demo_records
from quake_stream.replay.restamp import shift_record
from quake_stream.types import NS_PER_S

_RECORD_BYTES = 512
_READY_S, _END_S = 600.0, 120.0  # against hanging only


class Server:
    """
    Play the recordings that ObsPy brings along; ``data_s`` is how far the data have come.

    Parameters
    ----------
    folder
        Takes the recordings.
    port
        Where each of them listens, on loopback.
    speed
        Times as fast as it happened.
    random
        Decides which faults each server has.
    """

    def __init__(self, folder: Path, *, port: int, speed: float, random: Random) -> None:
        self.n_starts = 0
        self.counts: Counter[str] = Counter()  # of those that were not killed
        self._folder = folder / "recordings"
        self._port, self._speed, self._random = port, speed, random
        paths = write_demo_records(folder / "originals")
        self._files = {path.name: _records(path) for path in paths}
        headers = [peek(record) for records in self._files.values() for record in records]
        self.data_s_per_record = (
            max(header.end_ns for header in headers) - min(header.start_ns for header in headers)
        ) / (len(headers) * NS_PER_S)
        self._folder.mkdir()
        self._process: subprocess.Popen[str] | None = None

    def start(self, data_s: float) -> None:
        """
        Start one more server, with faults of its own, at this second of the data.

        Raises
        ------
        RuntimeError
            It does not listen in time.
        """
        for name, records in self._files.items():
            moved = (shift_record(record, int(data_s) * NS_PER_S) for record in records)
            (self._folder / name).write_bytes(b"".join(moved))
        self.n_starts += 1
        faults = _faults(self._random)
        options = ("--as-recorded", "--loop", "--speed", self._speed, "--port", self._port)
        command = [*(sys.executable, "-m", "quake_stream", "replay", self._folder), *options]
        command += ["--fault", faults, "--fault-seed", self.n_starts]
        self._process = subprocess.Popen(  # noqa: S603  our own program
            [str(part) for part in command], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        if not select.select([self._process.stderr], [], [], _READY_S)[0]:
            raise RuntimeError("the server does not start")
        first = self._process.stderr.readline()
        if "seedlink://" not in first:
            raise RuntimeError(f"the server does not start: {first}")

    def stop(self, *, kill: bool) -> None:
        """End it, with no chance to say what it did if ``kill``; more than once is no harm."""
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        _, rest = self._process.communicate(timeout=_END_S)
        self._process = None
        for line in rest.splitlines():
            name, _, n = line.strip().rpartition(": ")
            if n.isdecimal():
                self.counts[name] += int(n)


def _records(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[at : at + _RECORD_BYTES] for at in range(0, len(data), _RECORD_BYTES)]


def _faults(random: Random) -> str:
    """Choose what goes wrong; never so much that nothing arrives."""
    faults = [f"{name}={random.uniform(0.0005, 0.01):.5f}" for name in ("drop", "repeat", "swap", "corrupt")]
    faults.append(random.choice([f"cut={random.randint(5, 30)}s", f"silence={random.randint(5, 30)}s"]))
    faults.append(f"refuse={random.uniform(0.05, 0.5):.3f}")
    faults.append(f"reset={random.randint(500, 5000)}")
    return ",".join(random.sample(faults, random.randint(2, len(faults))))
