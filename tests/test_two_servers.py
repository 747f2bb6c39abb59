"""Two servers for the same stations, one behind the other: what both send is one stream of data."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import configs
import obspy
import pytest
from bodies import comparable
from hand_server import HandServer
from program import DEADLINE_S, Program

from quake_stream import offline
from quake_stream.health import Health, HealthFile
from quake_stream.publish.subscriber import Message, Missed, Subscriber

STEP_S = 20.0
DURATION_S = 240.0
PRIMARY_DIES_S = 140.0


@pytest.fixture
def backup(demo_records: Path, tmp_path: Path) -> Iterator[HandServer]:
    """Serve the same samples, later and in records of another length."""
    folder = tmp_path / "backup"
    folder.mkdir()
    for path in demo_records.iterdir():
        trace = obspy.read(str(path), format="MSEED")[0]
        encoding = "STEIM2" if trace.data.dtype.kind == "i" else "FLOAT64"
        trace.write(str(folder / path.name), format="MSEED", encoding=encoding, reclen=1024)
    server = HandServer(folder, behind_s=15.0, wait=True)
    yield server
    server.stop()


@pytest.fixture
def primary(demo_records: Path) -> Iterator[HandServer]:
    server = HandServer(demo_records, wait=True)
    yield server
    server.stop()


def wait_for_report(config: Path, predicate: Callable[[Health], bool]) -> Health:
    report = HealthFile(config.parent / "r" / f"{config.stem}.health.json")
    ticks = threading.Event()
    for _ in range(round(DEADLINE_S / 0.05)):
        health = report.read(time.time())
        if health.state != "down" and predicate(health):
            return health
        ticks.wait(0.05)
    raise AssertionError(f"never came: {health}")


def wait_for_packets(config: Path, n_by_source: dict[str, int]) -> None:
    def have_come(health: Health) -> bool:
        packets = {source.name: source.n_packets for source in health.sources}
        return not health.queue_depth and all(packets[name] >= n for name, n in n_by_source.items())

    wait_for_report(config, have_come)


def detections(subscriber: Subscriber, n_sent: int) -> list[dict[str, Any]]:
    bodies = []
    while isinstance(item := subscriber.receive(), Message):
        if item.topic.startswith("detection."):
            bodies.append(dict(item.body))
        if item.sequence == n_sent:
            return bodies
    raise AssertionError(item)


@pytest.mark.fault(14)
def test_a_backup_that_is_behind_doubles_nothing_and_goes_on_when_the_primary_dies(
    program: Callable[..., Program],
    demo_records: Path,
    primary: HandServer,
    backup: HandServer,
    tmp_path: Path,
) -> None:
    urls = [f"seedlink://{server.address}" for server in (primary, backup)]
    config = configs.write(tmp_path, *urls, source='streams = ["BW.UH?"]', service={"stale_after_s": 5.0})
    service = program("run", config)
    with Subscriber(service.event("service.ready")["bind"], timeout_s=DEADLINE_S) as subscriber:
        while isinstance(subscriber.receive(), Missed):  # then it is there, before the first detection
            pass
        seconds = 0.0
        while seconds < PRIMARY_DIES_S:
            came = {server.address: server.advance(seconds) for server in (primary, backup)}
            wait_for_packets(config, came)
            seconds += STEP_S
        primary.stop()
        service.event("seedlink.lost")
        while seconds <= DURATION_S + 2 * STEP_S:
            wait_for_packets(config, {backup.address: backup.advance(seconds)})
            seconds += STEP_S
        silent = wait_for_report(
            config, lambda health: any(primary.address in reason for reason in health.reasons)
        )
        assert silent.state == "degraded"
        assert service.stop(signal.SIGTERM) == 0
        counts = service.event("service.stopped")["counts"]
        n_sent = sum(n for name, n in counts.items() if name.startswith("messages.sent"))
        found = detections(subscriber, n_sent)

    scan = offline.Scan(offline.settings(None, paths=[demo_records], model="stalta"))
    expected = {comparable(body) for body in scan.run()}
    assert {comparable(body) for body in found} == expected
    assert len(found) == len(expected)
    assert counts["packets.repeated"] > 100
    assert not [name for name in counts if name in {"gaps", "samples.conflicting"} or "dropped" in name]
    saved = json.loads((tmp_path / "s" / "test.positions.json").read_text())["content"]["servers"]
    assert set(saved) == {primary.address, backup.address}
