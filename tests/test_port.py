"""The port of the running service: encrypted for those who are listed, and hard to kill for all others."""

import json
import random
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic

import pytest
import zmq
from program import DEADLINE_S, Program

from quake_stream.counters import Key
from quake_stream.publish.clients import add_client, remove_client, write_clients
from quake_stream.publish.keys import new_pair, read_server_key, write_key
from quake_stream.publish.subscriber import Message, Subscriber

Start = Callable[..., Program]

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01"
N_IDLE = 100
MAX_GROWTH_KB = 100_000


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., Path]:
    """Write the configuration of a service without data, whose heartbeats are its feed."""

    def write(**publish: object) -> Path:
        publish = {"bind": "tcp://127.0.0.1:*", "heartbeat_s": 0.1} | publish
        lines = [
            '[[source]]\nurl = "seedlink://127.0.0.1:1"\n[model]\nname = "stalta"\n[service]\nstale_after_s = 86400',
            f'state_dir = "{tmp_path / "s"}"\nruntime_dir = "{tmp_path / "r"}"\nlog_format = "json"',
            "[publish]",
            *(f"{key} = {json.dumps(value)}" for key, value in publish.items()),
        ]
        path = tmp_path / "station.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """Make the keys of a service and of a first subscriber; gives the lines of configuration."""
    server, client = new_pair(), new_pair()
    key, clients = tmp_path / "station.server.key", tmp_path / "station.clients"
    write_key(key, server, owner="station")
    write_key(tmp_path / "station.client.key", client, owner="client", server=server.public)
    write_clients(clients, {"client": client.public})
    return {"key": str(key), "clients": str(clients)}


def start(program: Start, config: Path) -> tuple[Program, str, str]:
    service = program("run", config)
    ready = service.event("service.ready")
    return service, ready["bind"], ready["replay_bind"]


def hears(subscriber: Subscriber, deadline_s: float = DEADLINE_S) -> bool:
    """Whether a message comes in time."""
    end_s = monotonic() + deadline_s
    while monotonic() < end_s:
        try:
            if isinstance(subscriber.receive(), Message):
                return True
        except TimeoutError:
            continue
    return False


def test_three_lines_connect_a_subscriber_and_a_reload_shuts_it_out(
    tmp_path: Path, program: Start, configure: Callable[..., Path]
) -> None:
    assert program("keys", "new", "station", "--folder", tmp_path).end() == 0
    keys = {"key": str(tmp_path / "station.server.key"), "clients": str(tmp_path / "station.clients")}
    service, bind, replay = start(program, configure(**keys))
    listener = program(
        *(
            "listen",
            bind,
            "--replay",
            replay,
            "--since",
            "1h",
            "--topic",
            "heartbeat",
            "--json",
            "--count",
            3,
        ),
        *("--key", tmp_path / "station.client.key"),
    )
    assert listener.end() == 0
    assert [json.loads(line)["sequence"] for line in listener.out] == [1, 2, 3], (
        "the journal is encrypted too"
    )

    clients, other = Path(keys["clients"]), new_pair()
    server = read_server_key(Path(keys["key"])).public
    write_key(tmp_path / "other.key", other, owner="other", server=server)
    with (
        Subscriber(bind, key=tmp_path / "station.client.key", replay=replay, timeout_s=0.2) as client,
        Subscriber(bind, key=tmp_path / "other.key", replay=replay, timeout_s=0.2) as stranger,
    ):
        assert hears(client)
        assert not hears(stranger, 1.0)

        add_client(clients, "other", other.public)
        service.ask(signal.SIGHUP)
        assert service.event("service.reloaded")["clients"] == ["client", "other"]
        assert hears(stranger)

        clients_before = clients.read_text()
        clients.write_text("client of ours\n")
        service.ask(signal.SIGHUP)
        (problem,) = service.event("service.reload_refused")["problems"]
        assert f"{clients}: line 1 is not a name and a public key" in problem
        assert hears(client)
        assert hears(stranger)
        clients.write_text(clients_before)

        remove_client(clients, "client")
        service.ask(signal.SIGHUP)
        assert service.event("service.reloaded", 2)["clients"] == ["other"]
        assert hears(stranger)
        while hears(client, 1.0):  # what had arrived before; the limit of every test is the deadline
            pass
        assert hears(stranger)
        assert not stranger.counts().get(Key("messages.missed", "gap"))
    assert service.stop(signal.SIGTERM) == 0


def connections(stack: ExitStack, endpoint: str, n: int) -> Iterator[socket.socket]:
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    for _ in range(n):
        yield stack.enter_context(socket.create_connection((host, int(port)), timeout=DEADLINE_S))


def garbage(endpoint: str) -> None:
    """Send noise at every stage of a connection's beginning."""
    noise = random.Random(1)
    starts = [b"", b"\xff", GREETING, b"GET / HTTP/1.1\r\n\r\n"]
    starts += [GREETING + name.ljust(20, b"\0") + bytes(32) for name in (b"NULL", b"CURVE", b"PLAIN", b"XYZ")]
    with ExitStack() as stack:
        for n, peer in enumerate(connections(stack, endpoint, 80)):
            try:
                peer.sendall(starts[n % len(starts)] + noise.randbytes(noise.randrange(1000)))
            except (ConnectionResetError, BrokenPipeError):
                continue  # hung up on us: what it should do


def oversize(endpoint: str, kind: int) -> None:
    """Send 10 MB in one frame, and 2000 subscriptions, each of its own topic."""
    with zmq.Context() as context, context.socket(kind) as peer:
        peer.linger = 0
        monitor = peer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        peer.sndhwm = 0
        peer.connect(endpoint)
        peer.send(
            bytes([2]) * 10_000_000
        )  # no subscription: libzmq would crash here, on our side, by keeping it
        assert monitor.poll(DEADLINE_S * 1000), "still connected"
        with suppress(zmq.Again):  # no more connection: where keys are asked for, libzmq does not try again
            for n in range(2000):
                peer.send(b"\1topic %d" % n, zmq.NOBLOCK)
        peer.disable_monitor()


def memory_kb(service: Program) -> int:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def n_descriptors(service: Program) -> int:
    return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))


def lacks_descriptors(service: Program) -> bool:
    """Whether the operator has been told so."""
    told = [reason for line in service.events("service.degraded") for reason in line["reasons"]]
    return "the health report cannot be written (EMFILE)" in told


@pytest.mark.fault(42)
@pytest.mark.fault(43)
@pytest.mark.parametrize("encrypted", [False, True], ids=["open", "encrypted"])
def test_the_port_survives_garbage_floods_idlers_and_the_lack_of_descriptors(
    encrypted: bool, tmp_path: Path, program: Start, configure: Callable[..., Path], keys: dict[str, str]
) -> None:
    service, bind, replay = start(program, configure(**(keys if encrypted else {})))
    key = tmp_path / "station.client.key" if encrypted else None

    def assert_serves() -> None:
        with Subscriber(bind, replay=replay, key=key, since_ns=0, timeout_s=0.2) as subscriber:
            assert hears(subscriber), service.err[-5:]

    assert_serves()
    before_kb, n_before = memory_kb(service), n_descriptors(service)
    for endpoint, kind in ((bind, zmq.XSUB), (replay, zmq.DEALER)):
        garbage(endpoint)
        oversize(endpoint, kind)
    assert_serves()
    assert memory_kb(service) - before_kb < MAX_GROWTH_KB

    with ExitStack() as stack:  # idle, and never closed by their side
        peers = list(connections(stack, bind, N_IDLE))
        for peer in peers:  # each is hung up on after the time for a handshake
            while peer.recv(100):  # its greeting comes first
                pass
        assert_serves()

    limit = n_descriptors(service) + 10
    _, most = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (limit, most))
    end_s = monotonic() + DEADLINE_S
    while not lacks_descriptors(service):  # which lasts for seconds, and is seen once a second
        assert monotonic() < end_s
        with ExitStack() as stack:
            list(connections(stack, bind, 15))
            assert_serves()
    assert n_descriptors(service) < n_before + 30
    assert service.stop(signal.SIGTERM) == 0
