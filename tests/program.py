"""Run the installed program and wait for what it writes; every wait has a deadline, none sleeps."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

DEADLINE_S = 60.0
QUAKE_STREAM = (sys.executable, "-m", "quake_stream")


class Program:
    """
    One process of ``quake-stream``, or another program, its standard output and error collected line by line.

    ``stdout`` is a file descriptor that takes the standard output instead.
    """

    def __init__(
        self,
        *args: object,
        env: dict[str, str],
        cwd: Path,
        stdout: int | None = None,
        command: Sequence[str] = QUAKE_STREAM,
    ) -> None:
        self.out: list[str] = []
        self.err: list[str] = []
        self._changed = threading.Condition()
        self._n_open = 1 if stdout else 2
        self.process = subprocess.Popen(
            [*command, *map(str, args)],
            stdin=subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            cwd=cwd,
        )
        self._readers = [
            threading.Thread(target=self._read, args=pair)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
            if pair[0]
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._n_open -= 1
            self._changed.notify_all()

    def until(self, predicate: Callable[[], bool]) -> None:
        """Wait for something that shows in the output; fails when the program ends without it."""
        with self._changed:
            self._changed.wait_for(lambda: predicate() or not self._n_open, DEADLINE_S)
            assert predicate(), "\n".join(["never came; standard error:", *self.err[-30:]])

    def events(self, name: str) -> list[dict[str, Any]]:
        """Log lines with this event, as far as they are there."""
        lines = [json.loads(line) for line in self.err.copy() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def event(self, name: str, n: int = 1) -> dict[str, Any]:
        """Wait for the n-th log line with this event."""
        self.until(lambda: len(self.events(name)) >= n)
        return self.events(name)[n - 1]

    def ask(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for the end and return the exit status."""
        status = self.process.wait(DEADLINE_S)
        for reader in self._readers:
            reader.join(DEADLINE_S)
        return status

    def stop(self, number: int) -> int:
        """Send a signal, wait for the end and return the exit status."""
        self.ask(number)
        return self.end()

    def close(self) -> None:
        """Leave nothing behind, whatever the test did."""
        self.process.kill()
        self.end()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
