"""The installed program, as its users run it: real processes, sockets, files and signals."""

import json
import signal
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import obspy
import pytest
from bodies import comparable
from fake_seedlink import FakeServer
from program import DEADLINE_S, Program

from quake_stream import offline
from quake_stream.counters import Counters
from quake_stream.health import Health, HealthFile
from quake_stream.mseed import archive
from quake_stream.publish.subscriber import Message, Missed, Subscriber
from quake_stream.replay import faults
from quake_stream.replay.server import ReplayServer

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
            "metrics": {"bind": ""} | sections.pop("metrics", {}),
            "service": {
                "state_dir": str(tmp_path / "s"),
                "runtime_dir": str(tmp_path / "r"),
                "save_interval_s": 0.5,
                "log_format": "json",
                "log_level": "debug",  # has every step of a detection
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
    """Serve SeedLink: negotiate, and then have nothing to send."""
    server = FakeServer()
    yield server
    server.close()
    if server.errors:
        raise server.errors[0]


def index(folder: Path) -> archive.RecordIndex:
    return archive.index([folder], counters=Counters())


def by_instrument(bodies: list[dict[str, Any]]) -> Life:
    life = defaultdict(list)
    for body in bodies:
        life[body["source_id"]].append(comparable(body))
    return dict(life)


def scan(program: Start, folder: Path, *options: str) -> list[dict[str, Any]]:
    done = program("scan", folder, "--life", *options)
    assert done.end() == 0, done.err
    return [json.loads(line) for line in done.out]


def scanned(folder: Path) -> list[dict[str, Any]]:
    """Do what the command ``scan --life`` does, which the first test holds it to, without a process."""
    return list(offline.Scan(offline.settings(None, paths=[folder], model="stalta")).run())


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
    """Subscribe before the first detection."""
    subscriber = Subscriber(service.event("service.ready")["bind"], timeout_s=DEADLINE_S)
    first = subscriber.receive()
    if isinstance(first, Missed):
        first = subscriber.receive()
    assert isinstance(first, Message)
    assert first.topic == "heartbeat"
    return subscriber


def serve(
    program: Start, configure: Callable[..., Path], folder: Path, **options: Any
) -> tuple[list, Program]:
    """Run the service on a SeedLink server to the end of its recording; its detections and the process."""
    # Minutes of data came at once: the stop must leave even a slow machine the time to score them.
    options["service"] = {"stop_timeout_s": 120.0} | options.get("service", {})
    server = ReplayServer(
        index(folder), speed=0, restamp=False, wait_for_clients=1, faults=options.pop("faults", None)
    )
    try:
        service = program("run", configure(f"seedlink://{server.address}", **options))
        with subscribe(service) as subscriber:
            server.start()
            wait_for_drained(server, service)
            assert service.stop(signal.SIGTERM) == 0
            return received(subscriber, service), service
    finally:
        server.stop()


@pytest.mark.parametrize("model", MODELS)
def test_the_service_publishes_what_a_scan_finds(program, configure, demo_records, model):
    found, service = serve(program, configure, demo_records, model=model)
    expected = by_instrument(scan(program, demo_records, "--model", model))
    assert by_instrument(found) == expected
    if model == "stalta":
        assert by_instrument(scanned(demo_records)) == expected
    assert {body["processing"] for body in found} == {"replay"}
    assert "service.failed" not in " ".join(service.err)


def repack(source: Path, target: Path, reclen: int) -> Path:
    """Write the same samples in records of another length."""
    target.mkdir()
    for path in source.iterdir():
        trace = obspy.read(str(path), format="MSEED")[0]
        encoding = "STEIM2" if trace.data.dtype.kind == "i" else "FLOAT64"
        trace.write(str(target / path.name), format="MSEED", encoding=encoding, reclen=reclen)
    return target


@pytest.mark.parametrize("reclen", [256, 4096])
def test_the_cut_into_records_changes_no_detection(program, configure, demo_records, tmp_path, reclen):
    folder = repack(demo_records, tmp_path / "repacked", reclen)
    found, _ = serve(program, configure, folder)
    expected = by_instrument(scanned(demo_records))
    assert by_instrument(found) == expected
    assert by_instrument(scanned(folder)) == expected


def test_everything_lost_refused_or_odd_is_in_the_final_counts(program, configure, demo_records):
    record = (demo_records / "BW.UH1..SHZ.mseed").read_bytes()[:512]
    broken = record[:64] + bytes(range(255, 31, -1)) * 2  # a good header before frames that are none
    wrong = faults.together(faults.drop(0.05), faults.repeat(0.05), faults.interleave(broken, every=50))
    found, service = serve(program, configure, demo_records, faults=wrong)
    counts = service.event("service.stopped")["counts"]
    n_broken = counts["records.received"] // 51
    assert counts["records.refused.bad_payload"] == n_broken, counts
    assert counts["packets.repeated"] > 0
    assert counts["gaps"] > 0
    assert counts["windows.skipped.gap"] > 0
    assert found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_silent_stream_is_left_in_good_time(program, configure, fake, number):
    service = program("run", configure(f"seedlink://{fake.address}", service={"stop_timeout_s": 15}))
    service.event("seedlink.connected")
    assert service.stop(number) == 0
    assert service.event("service.stopped")["stuck"] == []


def test_a_server_that_never_answers_is_left_in_good_time(program, configure):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)
        service = program("run", configure(f"seedlink://127.0.0.1:{listener.getsockname()[1]}"))
        connection, _ = listener.accept()
        with connection:
            service.event("service.ready")
            assert service.stop(signal.SIGTERM) == 0
    assert service.event("service.stopped")["stuck"] == []


def test_the_wait_before_the_next_attempt_is_left_in_good_time(program, configure):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: refused
        service = program("run", configure(f"seedlink://127.0.0.1:{closed.getsockname()[1]}"))
        assert service.event("seedlink.lost")["reason"] == "refused"
        assert service.stop(signal.SIGTERM) == 0


def test_a_second_signal_ends_the_program_at_once(program, configure, fake):
    service = program("run", configure(f"seedlink://{fake.address}"))
    service.event("seedlink.connected")
    # Two signals, so that the kernel does not make one of them; which comes first does not matter.
    service.ask(signal.SIGINT)
    assert service.stop(signal.SIGTERM) in {128 + signal.SIGINT, 128 + signal.SIGTERM}
    assert service.events("service.stopped") == []


@pytest.mark.fault(40)
def test_a_port_in_use_is_one_clear_line_and_exit_status_1(program, configure, fake):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = configure(f"seedlink://{fake.address}", publish={"bind": f"tcp://127.0.0.1:{port}"})
        service = program("run", config)
        assert service.end() == 1
    assert service.err[-1].startswith(f"quake-stream: cannot publish on tcp://127.0.0.1:{port}: Address")
    assert service.events("service.ready") == []
    assert "Traceback" not in " ".join(service.err)


@pytest.mark.fault(48)
def test_two_services_do_not_share_a_state_folder(program, configure, fake):
    config = configure(f"seedlink://{fake.address}")
    first = program("run", config)
    first.event("service.ready")
    second = program("run", config)
    assert second.end() == 1
    assert len(second.err) == 1
    assert "another quake-stream uses" in second.err[0]
    assert first.stop(signal.SIGTERM) == 0


def test_health_tells_a_running_a_silent_and_a_dead_service_apart(program, configure, fake):
    url = f"seedlink://{fake.address}"
    config = configure(url, service={"stale_after_s": 86400})
    assert program("health", config).end() == 2
    service = program("run", config)
    wait_for_packets(config, 0)
    well = program("health", config)
    assert (well.end(), well.out[0]) == (0, "ok")
    assert service.stop(signal.SIGTERM) == 0
    service = program("run", configure(url, service={"stale_after_s": 5}))
    (reason,) = service.event("service.degraded")["reasons"]
    assert reason.startswith(f"no data from {fake.address} for ")
    wait_for_report(config, lambda health: health.state == "degraded")
    silent = program("health", config, "--json")
    assert silent.end() == 1
    assert json.loads(silent.out[0])["sources"][0]["name"] == fake.address
    assert service.stop(signal.SIGKILL) == -signal.SIGKILL
    dead = program("health", config)
    assert dead.end() == 2
    assert dead.out == ["down", f"- process {service.process.pid} has ended", "not live, not ready"]


def test_a_recording_ends_by_itself_with_the_detections_of_a_scan(program, configure, demo_records):
    # A feed waits for no subscriber, so the log says what was published.
    service = program("run", configure(demo_records.as_uri()))
    assert service.end() == 0, service.err
    expected = scanned(demo_records)
    assert [line[:3] for line in logged(service)] == [
        (f"detection.{body['state']}", body["id"], body["revision"]) for body in expected
    ]
    counts = service.event("service.stopped")["counts"]
    assert counts["messages.sent.detection"] == len(expected)
    assert not [name for name in counts if "dropped" in name]


class HandClock:
    """Data come as far as it is turned."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * 10**9

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def hand_server(demo_records) -> Iterator[Callable[[float], ReplayServer]]:
    """Serve what was recorded in the first so many seconds: call it with seconds."""
    clock = HandClock()
    server = ReplayServer(index(demo_records), speed=1, restamp=False, wait_for_clients=1, clock=clock)
    start_ns = clock.now_ns

    def advance(seconds: float) -> ReplayServer:
        clock.now_ns = start_ns + round(seconds * 1e9)
        server.wake()
        return server

    advance(0.0)
    yield advance
    server.stop()


def n_packets(folder: Path, seconds: float) -> int:
    """Count the records that have ended so many seconds after the first began."""
    records = index(folder)
    return int((records.end_ns <= records.start_ns.min() + round(seconds * 1e9)).sum())


def wait_for_report(config: Path, predicate: Callable[[Health], bool]) -> None:
    """Wait for something in the health report, a file that is written every second."""
    report = HealthFile(config.parent / "r" / f"{config.stem}.health.json")
    ticks = threading.Event()
    for _ in range(round(DEADLINE_S / 0.05)):
        health = report.read(time.time())
        if health.state != "down" and predicate(health):
            return
        ticks.wait(0.05)
    raise AssertionError(f"never came: {health}")


def wait_for_packets(config: Path, n: int) -> None:
    """Wait until the service has taken so many packets."""
    wait_for_report(config, lambda h: sum(s.n_packets for s in h.sources) >= n and not h.queue_depth)


@pytest.mark.fault(37)
def test_a_reload_changes_thresholds_and_refuses_a_bad_file(program, configure, demo_records, hand_server):
    url = f"seedlink://{hand_server(0.0).address}"
    config = configure(url, trigger={"min_windows": 100})
    hand_server(0.0).start()
    service = program("run", config)
    wait_for_packets(config, 1)  # the replay has begun
    hand_server(50.0)
    wait_for_packets(config, n_packets(demo_records, 50.0))

    configure(url, trigger={"on": 7})
    service.ask(signal.SIGHUP)
    (problem,) = service.event("service.reload_refused")["problems"]
    assert f"{config}: trigger.on" in problem
    # Each level is right by itself, but the model's own "off" lies above this "on".
    configure(url, trigger={"on": 0.01})
    service.ask(signal.SIGHUP)
    (problem,) = service.event("service.reload_refused", 2)["problems"]
    assert "above on" in problem
    hand_server(120.0)
    wait_for_packets(config, n_packets(demo_records, 120.0))
    assert not [line for line in service.err if '"detection.' in line]

    configure(url, model_keys={"threads": 2})
    service.ask(signal.SIGHUP)
    reloaded = service.event("service.reloaded")
    assert reloaded["changed"] == ["trigger.min_windows"]
    assert reloaded["needs_restart"] == ["model.threads"]
    hand_server(240.0)
    stations = {"BW.UH1.--.SH", "BW.UH2.--.SH", "BW.UH3.--.SH", "BW.UH4.--.EH"}
    service.until(lambda: {e["instrument"] for e in service.events("detection.new")} == stations)
    assert service.stop(signal.SIGTERM) == 0
    assert service.event("service.stopped")["counts"]["reloads.refused"] == 2


@pytest.mark.fault(34)
def test_kill_9_loses_nothing_that_the_server_still_holds(program, configure, demo_records, hand_server):
    config = configure(f"seedlink://{hand_server(0.0).address}")
    hand_server(0.0).start()
    killed = program("run", config)
    wait_for_packets(config, 1)  # the replay has begun
    hand_server(100.0)
    wait_for_packets(config, n_packets(demo_records, 100.0))
    saved = config.parent / "s" / "test.positions.json"
    ticks = threading.Event()
    while not (saved.exists() and saved.read_text().count("BW.UH") == 4):
        assert not killed.process.poll()
        ticks.wait(0.05)
    assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    hand_server(180.0)  # what comes while the service is down

    again = program("run", config)
    again.event("seedlink.connected")
    hand_server(240.0)
    wait_for_drained(hand_server(240.0), again)
    assert again.stop(signal.SIGTERM) == 0
    expected = [
        (f"detection.{b['state']}", b["id"], b["revision"], b["onset_time"], round(b["peak_probability"], 4))
        for b in scanned(demo_records)
    ]
    before, after = logged(killed), logged(again)
    assert before
    assert after
    assert {line[1] for line in expected} == {line[1] for line in before + after}
    assert set(after) <= set(expected)
    # What the first had not ended, the second tells to its end.
    assert {line for line in expected if line[0] == "detection.end"} <= set(before + after)


def logged(service: Program) -> list[tuple]:
    keys = ("event", "id", "revision", "onset", "probability")
    lines = map(json.loads, service.err)
    return [tuple(line[k] for k in keys) for line in lines if line["event"].startswith("detection.")]


def wait_for_drained(server: ReplayServer, service: Program) -> None:
    """Wait until the service has read all: the end of the connection comes after the last record."""
    assert server.wait_until_drained(DEADLINE_S)
    server.stop()
    service.event("seedlink.lost")
