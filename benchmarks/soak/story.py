# ruff: noqa: INP001  part of a script, no package
"""What happens to the service during a soak: everything that happens in months, within the hour."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Self
from urllib.parse import urlsplit

import numpy as np
from reader import Reader
from server import Server
from service import Service

from quake_stream.publish.subscriber import Subscriber
from quake_stream.symptoms import Problem

TOO_SLOW = "too_slow"  # the kind of problem that tells of the machine, not of the service

_CONNECT_S = 10.0
_MAX_EVERY_S = 60.0  # between two of one kind, on average
_AGAIN_S = 0.5
_N_STRANGERS = 20


@dataclass(slots=True)
class _Act:
    """Something that happens again and again; ``do`` returns the seconds to the next time."""

    do: Callable[[], float]
    due_s: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What counts besides slopes."""

    status: int | None = None
    n_missed: int = 0
    n_doubled: int = 0
    n_replayed: int = 0
    n_detections: int = 0
    acts: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    injected: dict[str, int] = field(default_factory=dict)

    @property
    def n_dropped(self) -> int:
        """Packets and windows that the service dropped as it could not keep up."""
        names = ("packets.dropped.queue_full", "windows.dropped")
        return sum(n for name, n in self.counts.items() if name.startswith(names))

    def problems(self) -> list[Problem]:
        """Say what must not be."""
        found = {}
        if self.status != 0:
            found["status"] = f"the service ended with status {self.status}"
        if self.n_missed:
            found["missed"] = f"{self.n_missed} messages were lost for good"
        if self.n_doubled:
            found["doubled"] = f"{self.n_doubled} messages came twice"
        if not self.n_detections:
            found["no_detections"] = "nothing was detected"
        if self.n_dropped:
            dropped = f"{self.n_dropped} packets and windows dropped"
            found[TOO_SLOW] = f"too slow a machine for this speed: {dropped}"
        return [Problem(kind=kind, words=words) for kind, words in found.items()]


class Story:
    """
    Server, service and subscribers, and what befalls them; a context manager.

    Parameters
    ----------
    folder
        Takes all files.
    model, speed
        Of the service and of the server.
    length_s
        Of the whole, about: a short one lets things happen more often.
    random
        Decides what happens when.
    """

    def __init__(self, folder: Path, *, model: str, speed: float, length_s: float, random: Random) -> None:
        self.outcome = Outcome()
        self.samples: list[dict[str, float]] = []
        self._folder, self._model, self._speed, self._random = folder, model, speed, random
        self._every_s = min(_MAX_EVERY_S, length_s / 5)
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            kept = [stack.enter_context(_kept_port()) for _ in range(2)]
            port, metrics_port = (int(one.getsockname()[1]) for one in kept)
            self._server = Server(self._folder, port=port, speed=self._speed, random=self._random)
            stack.callback(self._server.stop, kill=True)
            self._service = Service(self._folder, port=port, metrics_port=metrics_port, model=self._model)
            stack.callback(self._service.stop)
            self._good = stack.enter_context(Reader(*self._service.endpoints))
            self._slow = stack.enter_context(Reader(*self._service.endpoints, is_stalling=True))
            self._closing = stack.pop_all()
        self._started_s = time.monotonic()
        self._acts = {
            name: _Act(do, due_s=0.0 if name == "server" else self._soon_s())
            for name, do in (
                ("server", self._turn_server),
                ("reload", self._reload),
                ("stall", self._turn_stall),
                ("visitor", self._visit),
                ("strangers", self._disturb),
            )
        }
        self._is_up, self._is_stalled, self._n_before = False, False, 0
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def elapsed_s(self) -> float:
        """Seconds since all were there."""
        return time.monotonic() - self._started_s

    @property
    def is_alive(self) -> bool:
        """Whether the service runs."""
        return self._service.is_alive

    def act(self) -> None:
        """Do what is due."""
        for name, act in self._acts.items():
            if self.elapsed_s >= act.due_s:
                wait_s = act.do()
                act.due_s = self.elapsed_s + wait_s
                self.outcome.acts[name] = self.outcome.acts.get(name, 0) + 1

    def sample(self) -> dict[str, float]:
        """Measure the service, and keep it."""
        sample = {"wall_s": self.elapsed_s, **self._service.sample()}
        sample["data_s"] = self._n_packets() * self._server.data_s_per_record
        sample["queue_packets"] = self._good.queue_packets
        delays_ms = self._good.take_delays_ms()
        if delays_ms:
            sample["latency_ms"] = float(np.median(delays_ms))
        self.samples.append(sample)
        return sample

    def finish(self) -> Outcome:
        """End all in order; gives what they have counted."""
        outcome = self.outcome
        self._slow.wake()
        self._server.stop(kill=False)
        outcome.status = self._service.stop()
        self._closing.close()
        readers = (self._good, self._slow)
        outcome.n_missed = sum(reader.n_missed for reader in readers)
        outcome.n_doubled = sum(reader.n_doubled for reader in readers)
        outcome.n_replayed = sum(reader.n_replayed for reader in readers)
        outcome.n_detections = self._good.n_detections
        outcome.injected = dict(self._server.counts)
        outcome.counts = self._last_counts()
        return outcome

    def _soon_s(self) -> float:
        return self._random.uniform(0.3, 1.7) * self._every_s

    def _turn_server(self) -> float:
        """Kill or end it and leave it away for a while, or start the next; each is left to serve something."""
        if self._is_up and self._n_packets() == self._n_before:
            return _AGAIN_S
        if self._is_up:
            self._server.stop(kill=self._random.random() < 0.5)
        else:
            self._n_before = self._n_packets()
            self._server.start(self.elapsed_s * self._speed)
        self._is_up = not self._is_up
        return self._soon_s() if self._is_up else self._random.uniform(0.0, 0.2) * self._every_s

    def _reload(self) -> float:
        self._service.reload()
        return self._soon_s()

    def _turn_stall(self) -> float:
        if self._is_stalled:
            self._slow.wake()
        else:
            self._slow.stall()
        self._is_stalled = not self._is_stalled
        return self._soon_s()

    def _visit(self) -> float:
        """Subscribe, ask the journal for a minute, and leave."""
        endpoint, replay = self._service.endpoints
        since_ns = time.time_ns() - 60_000_000_000
        with Subscriber(endpoint, replay=replay, since_ns=since_ns, timeout_s=1.0) as visitor:
            for _ in range(self._random.randrange(20)):
                try:
                    visitor.receive()
                except TimeoutError:
                    break
        return self._soon_s()

    def _disturb(self) -> float:
        """Send noise to the ports of the feed, or nothing at all."""
        with ExitStack() as stack:
            for n in range(_N_STRANGERS):
                parts = urlsplit(self._service.endpoints[n % 2])
                address = (parts.hostname or "", parts.port or 0)
                try:
                    stranger = stack.enter_context(socket.create_connection(address, _CONNECT_S))
                    stranger.sendall(self._random.randbytes(self._random.randrange(200)))
                except ConnectionError:
                    continue  # hung up on us
        return self._soon_s()

    def _n_packets(self) -> int:
        return sum(source["n_packets"] for source in self._service.health().get("sources", ()))

    def _last_counts(self) -> dict[str, int]:
        """Counters that the service has logged at its end."""
        lines = (self._folder / "service.log").read_text(encoding="utf-8").splitlines()
        stopped: list[dict[str, Any]] = [json.loads(line) for line in lines if '"service.stopped"' in line]
        return stopped[-1]["counts"] if stopped else {}


def _kept_port() -> socket.socket:
    """Bind a port without listening, so that nobody else is given it while the server is away."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    return one
