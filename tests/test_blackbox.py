"""The installed program, as its users run it: real processes, sockets, files and signals."""

import json
import signal
import socket
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import obspy
import pytest
from program import DEADLINE_S, Program

from quake_stream.counters import Counters
from quake_stream.health import HealthFile
from quake_stream.mseed import archive
from quake_stream.publish.subscriber import Message, Missed, Subscriber
from quake_stream.replay import faults
from quake_stream.replay.server import ReplayServer

sys.path.insert(0, str(Path(__file__).parent / "ingest"))

from fake_seedlink import FakeServer

WEIGHTS = Path(archive.__file__).parent.parent / "models" / "weights"
MODELS = [
    "stalta",
    pytest.param(
        "lstm",
        marks=pytest.mark.skipif(not [*WEIGHTS.glob("lstm.*")], reason="NOT RUN: no weights are shipped"),
    ),
]
Life = dict[str, list[str]]  # instrument → messages

Start = Callable[..., Program]


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., Path]:
    """Write a configuration: ``configure(url=..., trigger={"on": 0.9})``; returns its path."""

    def write(url: str, *, name: str = "test", model: str = "stalta", **sections: dict[str, Any]) -> Path:
        sections = {
            "model": {"name": model} | sections.pop("model_keys", {}),
            "publish": {"bind": "tcp://127.0.0.1:*", "heartbeat_s": 0.1} | sections.pop("publish", {}),
            "service": {
                "state_dir": str(tmp_path / "s"),
                "runtime_dir": str(tmp_path / "r"),
                "save_interval_s": 0.5,
                "log_format": "json",
            }
            | sections.pop("service", {}),
            **sections,
        }
        lines = ["[[source]]", f"url = {json.dumps(url)}", 'streams = ["BW.UH?"]']
        for section, keys in sections.items():
            lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
        path = tmp_path / f"{name}.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """A SeedLink server that negotiates and then has nothing to send."""
    server = FakeServer()
    yield server
    server.close()
    if server.errors:
        raise server.errors[0]


def index(folder: Path) -> archive.RecordIndex:
    return archive.index([folder], counters=Counters())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def comparable(body: dict[str, Any]) -> str:
    """All that must not depend on when and how the data came, as text: equal means byte for byte."""
    return json.dumps({k: v for k, v in body.items() if k not in {"latency_s", "created", "created_ns", "processing"}})


def by_instrument(bodies: list[dict[str, Any]]) -> Life:
    life = defaultdict(list)
    for body in bodies:
        life[body["source_id"]].append(comparable(body))
    return dict(life)


def scan(program: Start, folder: Path, *options: str) -> list[dict[str, Any]]:
    done = program("scan", folder, "--life", *(options or ("--model", "stalta")))
    assert done.end() == 0, done.err
    return [json.loads(line) for line in done.out]


def received(subscriber: Subscriber, service: Program) -> list[dict[str, Any]]:
    """All detections that an ended service has published since its first heartbeat."""
    counts = service.event("service.stopped")["counts"]
    n_sent = sum(n for name, n in counts.items() if name.startswith("messages.sent"))
    bodies = []
    while isinstance(item := subscriber.receive(), Message | Missed):
        assert isinstance(item, Message), item
        if item.topic.startswith("detection."):
            bodies.append(dict(item.body))
        if item.sequence == n_sent:
            return bodies
    raise AssertionError("the subscriber was stopped")


def subscribe(service: Program) -> Subscriber:
    """A subscriber that is there before the first detection."""
    subscriber = Subscriber(service.event("service.ready")["bind"], timeout_s=DEADLINE_S)
    first = subscriber.receive()
    if isinstance(first, Missed):
        first = subscriber.receive()
    assert isinstance(first, Message)
    assert first.topic == "heartbeat"
    return subscriber


def serve(program: Start, configure: Callable[..., Path], folder: Path, **options: Any) -> tuple[list, Program]:
    """Run the service on a SeedLink server to the end of its recording; its detections and the process."""
    server = ReplayServer(
        index(folder), speed=0, restamp=False, wait_for_clients=1, faults=options.pop("faults", None)
    )
    try:
        service = program("run", configure(f"seedlink://{server.address}", **options))
        with subscribe(service) as subscriber:
            server.start()
            assert server.wait_until_drained(DEADLINE_S)
            server.stop()  # the end of the connection comes after its last record
            service.event("seedlink.lost")
            assert service.stop(signal.SIGTERM) == 0
            return received(subscriber, service), service
    finally:
        server.stop()


@pytest.mark.parametrize("model", MODELS)
def test_the_service_publishes_what_a_scan_finds(program, configure, demo_records, model):
    found, service = serve(program, configure, demo_records, model=model)
    assert by_instrument(found) == by_instrument(scan(program, demo_records, "--model", model))
    assert {body["processing"] for body in found} == {"replay"}
    assert "service.failed" not in " ".join(service.err)
