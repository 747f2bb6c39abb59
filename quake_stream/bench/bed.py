"""
A publisher in this thread and its subscribers in other processes, to be measured in rounds.

The publisher is that of the service: journal, options of the sockets and keys included.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from quake_stream.bench.messages import detection, end_of_round
from quake_stream.bench.reader import Round, Task
from quake_stream.errors import QuakeStreamError
from quake_stream.publish.journal import Journal
from quake_stream.publish.keys import new_pair
from quake_stream.publish.publisher import Publisher

LIMIT_S: Final = 60.0  # for one answer, against hanging
_JOURNAL_BYTES: Final = 256_000_000
_TOPIC: Final = "detection.XX.BENCH.--.HH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a publisher has to serve; ``n_stalled`` connect besides, and never read."""

    n_subscribers: int
    is_encrypted: bool = False
    n_stalled: int = 0
    send_hwm: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One round: latencies of all deliveries, longest making and sending of one, first of all to last arrival."""

    latencies_ns: list[int]
    n_sent: int
    send_max_ns: int
    took_ns: int


class Bed:
    """
    One feed with its subscribers; a context manager, for one thread.

    The subscribers share as many processes as there are processors, so that no interpreter has to serve
    more of them than it must.

    Raises
    ------
    QuakeStreamError
        The subscribers do not connect, or do not answer, within `LIMIT_S`.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        n = load.n_subscribers
        self.n_processes = min(n, os.cpu_count() or 1)
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quake-stream-bench-")))
            server, client = new_pair(), new_pair()
            self._publisher = stack.enter_context(
                Publisher(
                    "tcp://127.0.0.1:*",
                    journal=Journal(folder, max_bytes=_JOURNAL_BYTES, max_age_s=3600),
                    key=server if load.is_encrypted else None,
                    clients={"bench": client.public},
                    send_hwm=load.send_hwm,
                    linger_ms=0,
                )
            )
            keys = (client.public, client.secret, server.public) if load.is_encrypted else ()
            shares = [n // self.n_processes + (i < n % self.n_processes) for i in range(self.n_processes)]
            self._readers = [stack.enter_context(_reader(self._task(share, keys))) for share in shares]
            if load.n_stalled:
                stack.enter_context(_reader(self._task(load.n_stalled, keys, stalled=True)))
            self._wait_for(n + load.n_stalled)
            self._closing = stack.pop_all()

    def paced(self, *, rate_hz: float, seconds: float) -> Sample:
        """Send detections at a steady rate, as a service does."""
        start_ns = time.monotonic_ns()
        n = max(1, round(rate_hz * seconds))
        return self._round([start_ns + round(i * 1e9 / rate_hz) for i in range(n)])

    def burst(self, n_messages: int) -> Sample:
        """Send detections as fast as possible."""
        return self._round([0] * n_messages)

    def close(self) -> None:
        """End the subscribers and close the feed; may be repeated."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _task(self, n: int, keys: tuple[str, ...], *, stalled: bool = False) -> Task:
        return Task(endpoint=self._publisher.endpoint, n_subscribers=n, keys=keys, stalled=stalled)

    def _wait_for(self, n_subscribers: int) -> None:
        deadline_s = time.monotonic() + LIMIT_S
        while self._publisher.n_subscriptions < n_subscribers:
            if time.monotonic() > deadline_s:
                joined = self._publisher.n_subscriptions
                raise QuakeStreamError(f"{joined} of {n_subscribers} subscribers came within {LIMIT_S:.0f} s")
            self._publisher.poll(0.1)

    def _round(self, due_ns: list[int]) -> Sample:
        created_ns: dict[int, int] = {}  # by sequence
        send_max_ns = 0
        for due in due_ns:
            while (wait_ns := due - time.monotonic_ns()) > 0:
                self._publisher.poll(wait_ns / 1e9)
            # The monotonic clock is one for all processes, and unlike the wall clock it is never set.
            now_ns = time.monotonic_ns()
            sequence = self._publisher.send(_TOPIC, detection(created_ns=now_ns))
            created_ns[sequence] = now_ns
            send_max_ns = max(send_max_ns, time.monotonic_ns() - now_ns)
        self._publisher.send("heartbeat", end_of_round())
        rounds = [_answer(reader) for reader in self._readers]
        arrivals = [pair for one in rounds for pair in zip(one.sequences, one.received_ns, strict=True)]
        if not arrivals:
            raise QuakeStreamError("no message arrived at any subscriber")
        return Sample(
            latencies_ns=[received_ns - created_ns[sequence] for sequence, received_ns in arrivals],
            n_sent=len(due_ns),
            send_max_ns=send_max_ns,
            took_ns=max(received_ns for _, received_ns in arrivals) - min(created_ns.values()),
        )


@contextmanager
def _reader(task: Task) -> Iterator[subprocess.Popen[str]]:
    """Run subscribers in a process until the end."""
    command = [sys.executable, "-m", "quake_stream.bench.reader"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own program
        assert process.stdin is not None
        try:
            # Keys go this way, as every user of the machine can see the arguments of a program.
            process.stdin.write(json.dumps(asdict(task)) + "\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()  # nothing in it must be saved


def _answer(reader: subprocess.Popen[str]) -> Round:
    assert reader.stdout is not None
    line = reader.stdout.readline() if select.select([reader.stdout], [], [], LIMIT_S)[0] else ""
    if not line:
        raise QuakeStreamError(f"subscribers gave no answer within {LIMIT_S:.0f} s, or ended")
    return Round(**json.loads(line))
