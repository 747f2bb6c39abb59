"""
Service and server are killed at random moments; no detection is lost, doubled or changed.

A few kills here; ``make kill-test`` does a hundred.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import configs
import numpy as np
import program as programs
import pytest
import swarms
from bodies import comparable
from listener import Listener
from program import Program

from quake_stream import offline
from quake_stream.types import NS_PER_S

N_KILLS = int(os.environ.get("QUAKE_STREAM_KILLS", "5"))
SEED = int(os.environ.get("QUAKE_STREAM_SEED", "1"))
SERVER_EVERY = 5  # kills of the service to one of the server
PATIENCE_S = 60.0 + 10 * N_KILLS  # for each start, as the long form runs beside other work

pytestmark = pytest.mark.timeout(180 + 60 * N_KILLS)


class Server:
    """A SeedLink server in a process of its own, always on the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Bound, not listening: while the server is dead, nobody else is given its port.
        self._kept = socket.socket()
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._kept.bind(("127.0.0.1", 0))
        self._port = int(self._kept.getsockname()[1])
        self._seconds = 0.0
        self.start()

    @property
    def url(self) -> str:
        return f"seedlink://127.0.0.1:{self._port}"

    def start(self) -> None:
        program = Path(__file__).with_name("hand_server.py")
        self._process = subprocess.Popen(
            [sys.executable, program, self._folder, str(self._port), str(self._seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def advance(self, seconds: float) -> None:
        """Send what was recorded until then."""
        self._seconds = seconds
        print(seconds, file=self._process.stdin, flush=True)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def close(self) -> None:
        self.kill()
        self._kept.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    # Of today, so that the first start can ask for data of the past.
    start_ns = time.time_ns() - 2 * swarms.DURATION_S * NS_PER_S
    server = Server(swarms.write(tmp_path / "swarm", seed=SEED, start_ns=start_ns))
    yield server
    server.close()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(f"ipc://{tmp_path}/feed", deadline_s=PATIENCE_S)
    yield listener
    listener.close()


def let_live(service: Program, seconds: float) -> None:
    """Let a program run for so long, if it does not end by itself."""
    try:
        service.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


@pytest.mark.fault(34)
@pytest.mark.fault(1)
def test_kills_at_random_moments_lose_double_and_change_no_detection(
    program: Callable[..., Program],
    server: Server,
    listener: Listener,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(programs, "DEADLINE_S", PATIENCE_S)
    scan = offline.Scan(offline.settings(None, paths=[tmp_path / "swarm"], model="stalta"))
    expected = {comparable(body) for body in scan.run()}
    publish = {"bind": f"ipc://{tmp_path}/feed"}
    config = configs.write(tmp_path, server.url, source="backfill_s = 86400.0", publish=publish)
    rng = np.random.default_rng(SEED)
    for n in range(N_KILLS):
        end_s = swarms.DURATION_S * (n + 1) / N_KILLS
        service = program("run", config)
        how = ("starting", "running", "stopping")[int(rng.choice(3, p=[0.2, 0.6, 0.2]))]
        if how == "starting":
            let_live(service, rng.uniform(0, 2))
        else:
            service.event("seedlink.connected")
            server.advance(end_s - rng.uniform(0, 1) * swarms.DURATION_S / N_KILLS)
            let_live(service, rng.uniform(0, 1))
        if n % SERVER_EVERY == SERVER_EVERY - 1:
            server.kill()
            let_live(service, rng.uniform(0, 0.5))
            server.start()
        server.advance(end_s)
        let_live(service, rng.uniform(0, 1))
        if how == "stopping":
            service.ask(signal.SIGTERM)
            let_live(service, rng.uniform(0, 0.5))
        service.close()
    service = program("run", config)
    service.event("service.ready")  # all may have been told before it is up
    assert listener.wait_for(lambda: expected <= listener.told()), [*expected - listener.told()][:2]
    assert service.stop(signal.SIGTERM) == 0
    assert [*listener.told() - expected] == []
    assert {body["id"] for body in listener.bodies} == {json.loads(text)["id"] for text in expected}
    assert listener.missed == []
    assert not [*(tmp_path / "s").glob("*corrupt*")]
