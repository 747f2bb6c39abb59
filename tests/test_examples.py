"""The example subscribers, as their users run them: what they print of a feed, and of the real service."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import bodies
import pytest
import zmq
from program import DEADLINE_S, Program

from quake_stream.counters import Counters
from quake_stream.mseed import archive
from quake_stream.publish.frames import Header, encode_header
from quake_stream.publish.keys import new_pair, write_key
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.subscriber import Message, Subscriber
from quake_stream.replay.server import ReplayServer

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "subscribers"
NATIVE = ["plain.py", "subscriber.mjs", "subscriber.c"]  # those that know nothing of this package
A, B = UUID(int=1), UUID(int=2)
TOPIC = "detection.CX.PB01.--.HH"
ONSET = "2010-05-27T16:24:33.315123456Z"

Start = Callable[..., Program]


def missing(name: str) -> str:
    """Say what of an example's language is not here; empty when all is."""
    if name.endswith(".mjs") and not (shutil.which("node") and (FOLDER / "node_modules" / "zeromq").is_dir()):
        return "NOT RUN: node is not here, or npm install was not run in examples/subscribers"
    if name.endswith(".c") and not (shutil.which("cc") and flags()):
        return "NOT RUN: a C compiler, pkg-config, libzmq3-dev or libcjson-dev is not here"
    return ""


@functools.cache
def flags() -> list[str]:
    """Options of the C compiler for the libraries of the example; none where they are not here."""
    if not shutil.which("pkg-config"):
        return []
    ask = ["pkg-config", "--cflags", "--libs", "libzmq", "libcjson"]
    return subprocess.run(ask, capture_output=True, text=True, check=False).stdout.split()


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """Give the command that runs an example; a test of what is missing here is skipped."""

    @functools.cache
    def find(name: str) -> list[str]:
        if reason := missing(name):
            pytest.skip(reason)
        source = str(FOLDER / name)
        if not name.endswith(".c"):
            return ["node" if name.endswith(".mjs") else sys.executable, source]
        program = str(tmp_path_factory.mktemp("c") / "subscriber")
        strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1"]
        subprocess.run(["cc", *strict, source, "-o", program, *flags()], check=True)
        return [program]

    return find


@pytest.fixture
def example(command: Callable[[str], list[str]], tmp_path: Path) -> Iterator[Start]:
    """Start an example: ``example("plain.py", address, 15)``; what still runs at the end is killed."""
    with ExitStack() as stack:

        def start(name: str, *args: object) -> Program:
            started = Program(*args, command=command(name), env=dict(os.environ), cwd=tmp_path)
            stack.callback(started.close)
            return started

        yield start


class Feed:
    """A publisher that sends whatever a test wants, also what ours would refuse to send."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self.address = f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"

    def wait_for_subscriber(self) -> None:
        assert self._socket.poll(DEADLINE_S * 1000)
        self._socket.recv()

    def send(self, session: UUID, sequence: int, body: dict[str, Any], topic: str = TOPIC) -> None:
        header = encode_header(Header(session=session, sequence=sequence))
        self._socket.send_multipart([topic.encode(), header, json.dumps(body).encode()])


@pytest.fixture
def feed() -> Iterator[Feed]:
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        yield Feed(socket)


@pytest.mark.parametrize("name", NATIVE)
def test_an_example_follows_the_sequence_and_ignores_what_it_does_not_know(name, example, feed):
    shown = example(name, feed.address, 60)
    feed.wait_for_subscriber()
    feed.send(A, 5, bodies.heartbeat(stations={"ok": 3, "polar": 1}, extra=None), "heartbeat")
    feed.send(A, 6, bodies.detection(peak_probability=0.984, extra={"more": [1]}))
    feed.send(A, 7, bodies.status(), "status.IU.ANMO.00.BH")
    feed.send(A, 10, bodies.detection(state="end"))
    feed.send(B, 1, {"schema": "quake-stream/weather/9"}, "weather")
    feed.send(B, 2, bodies.detection(state="retract"))
    feed.send(B, 3, {"schema": "quake-stream/detection/2"})
    assert shown.end() == 1
    assert shown.out == [
        f"session {A.hex} from message 5",
        "heartbeat of host: 3 instruments ok",
        f"{ONSET} {TOPIC} new 0.98",
        "missed 2 messages",
        f"{ONSET} {TOPIC} end 0.98",
        f"session {B.hex} from message 1",
        f"{ONSET} {TOPIC} retract 0.98",
    ]
    assert shown.err == ["quake-stream/detection/2 is newer than this program"]


@pytest.mark.parametrize("name", NATIVE)
def test_an_example_says_when_not_even_a_heartbeat_comes(name, example, feed):
    shown = example(name, feed.address, 0.3)
    shown.until(lambda: len(shown.out) >= 2)
    assert set(shown.out) == {"silence: not even a heartbeat"}


@pytest.mark.parametrize("name", [*NATIVE, "with_class.py"])
def test_an_example_reads_an_encrypted_feed_with_its_key_file(name, example, tmp_path):
    server, client = new_pair(), new_pair()
    key_file = tmp_path / "client.key"
    write_key(key_file, client, owner="client", server=server.public)
    bind = f"ipc://{tmp_path}/feed"
    with Publisher(
        bind, replay_bind=f"{bind}.replay", key=server, clients={"client": client.public}, linger_ms=0
    ) as publisher:
        shown = example(name, bind, *([60] if name in NATIVE else []), key_file)
        deadline_s = time.monotonic() + DEADLINE_S
        while not publisher.n_subscriptions:
            assert time.monotonic() < deadline_s, [publisher.counts(), shown.err]
            publisher.poll(0.1)
        publisher.send(TOPIC, bodies.detection())
        while not [line for line in shown.out if line.startswith(f"{ONSET} {TOPIC} new")]:
            assert time.monotonic() < deadline_s, [shown.out, shown.err]
            publisher.poll(0.1)


@pytest.fixture
def server(demo_records: Path) -> Iterator[ReplayServer]:
    """Serve SeedLink, from the recordings of one station; it has not begun."""
    index = archive.index([*demo_records.glob("BW.UH1.*")], counters=Counters())
    served = ReplayServer(index, speed=0, restamp=False, wait_for_clients=1)
    yield served
    served.stop()


@pytest.fixture
def service(server: ReplayServer, tmp_path: Path) -> Iterator[Program]:
    """Run the service on that server; its feed is ``feed`` in the test's folder."""
    config = tmp_path / "test.toml"
    config.write_text(f"""
[[source]]
url = "seedlink://{server.address}"
streams = ["BW.UH?"]
[model]
name = "stalta"
[publish]
bind = "ipc://{tmp_path}/feed"
heartbeat_s = 0.2
[service]
state_dir = "{tmp_path}"
runtime_dir = "{tmp_path}"
log_format = "json"
""")
    running = Program("run", config, env=dict(os.environ), cwd=tmp_path)
    yield running
    running.close()


def detections(feed: Subscriber, service: Program) -> list[Message]:
    """All that an ended service has published, in its order."""
    counts = service.event("service.stopped")["counts"]
    n_sent = sum(n for name, n in counts.items() if name.startswith("messages.sent"))
    found = []
    for item in feed:
        assert isinstance(item, Message)
        if item.topic.startswith("detection."):
            found.append(item)
        if item.sequence == n_sent:
            break
    return found


def test_every_example_shows_what_the_real_service_detects(example, service, server, tmp_path):
    address = service.event("service.ready")["bind"]
    plain = [example(name, address, 60) for name in NATIVE if not missing(name)]
    ours = example("with_class.py", address)
    with Subscriber(address, timeout_s=DEADLINE_S, fill=False) as feed:
        assert feed.receive()
        for shown in plain:
            shown.until(lambda shown=shown: "heartbeat" in " ".join(shown.out))
        server.start()
        assert server.wait_until_drained(DEADLINE_S)
        server.stop()
        service.event("seedlink.lost")
        assert service.stop(signal.SIGTERM) == 0
        expected = [
            f"{item.body['onset_time']} {item.topic} {item.body['state']}"
            for item in detections(feed, service)
        ]
    assert expected
    for shown in [*plain, ours]:
        shown.until(
            lambda shown=shown: len([line for line in shown.out if " detection." in line]) >= len(expected)
        )
        lines = [line for line in shown.out if not line.startswith(("session", "heartbeat"))]
        assert [" ".join(line.split()[:3]) for line in lines] == expected
