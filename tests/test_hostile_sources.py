"""The installed program with servers of which most are of no use: it serves the data of the others."""

import json
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from program import DEADLINE_S

from quake_stream.counters import Counters
from quake_stream.health import Health, HealthFile
from quake_stream.mseed import archive
from quake_stream.replay.server import ReplayServer


def configure(folder: Path, servers: dict[str, list[str]]) -> Path:
    """Write a configuration that reads streams of these servers."""
    lines = [
        line
        for url, names in servers.items()
        for line in ("[[source]]", f'url = "seedlink://{url}"', f"streams = {json.dumps(names)}")
    ]
    lines += ["[model]", 'name = "stalta"', "[publish]", 'bind = "tcp://127.0.0.1:*"']
    lines += ["[service]", "stale_after_s = 5", 'log_format = "json"']
    lines += [f'{key} = "{folder / key}"' for key in ("state_dir", "runtime_dir")]
    path = folder / "test.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def report_of(folder: Path, n_packets: int, *reasons: str) -> Health:
    """Wait for a report with so many packets, two attempts of each kind and these reasons, and maybe more."""
    file, ticks = HealthFile(folder / "runtime_dir" / "test.health.json"), threading.Event()
    for _ in range(round(DEADLINE_S / 0.05)):
        health = file.read(time.time())
        has_all = sum(source.n_packets for source in health.sources) == n_packets
        has_tried = all(health.counts.get(f"connections.lost.{why}", 0) > 1 for why in ("refused", "dns"))
        is_told = all(any(reason in words for words in health.reasons) for reason in reasons)
        if has_all and has_tried and is_told:
            return health
        ticks.wait(0.05)
    raise AssertionError(f"never came: {health}")


@pytest.mark.fault(5)
@pytest.mark.fault(6)
@pytest.mark.fault(7)
def test_servers_that_are_away_or_deaf_hold_up_no_other(program, tmp_path, demo_records) -> None:
    """One refuses, one has no name, one never answers; the last knows one station and not the other."""
    index = archive.index([demo_records], counters=Counters())
    with (
        socket.socket() as closed,
        socket.create_server(("127.0.0.1", 0)) as deaf,
        ReplayServer(index, speed=0, restamp=False, wait_for_clients=1) as server,
    ):
        closed.bind(("127.0.0.1", 0))
        refusing, silent = (f"127.0.0.1:{sock.getsockname()[1]}" for sock in (closed, deaf))
        nameless = "nowhere.invalid:18000"
        servers = {
            refusing: ["XX.*"],
            nameless: ["XX.*"],
            silent: ["XX.*"],
            server.address: ["BW.UH?", "XX.NONE"],
        }
        service = program("run", configure(tmp_path, servers))
        service.event("service.ready")
        assert server.wait_until_drained(DEADLINE_S)
        n_sent = sum(n for key, n in server.counts().items() if key.name == "records.sent")
        health = report_of(
            tmp_path,
            n_sent,
            *(f"no data from {name} for" for name in (refusing, nameless, silent)),
            "no connection: refused",
            "no connection: dns",
        )
        assert health.state == "degraded"
        assert service.stop(signal.SIGTERM) == 0
    counts = service.event("service.stopped")["counts"]
    assert counts["records.received"] == n_sent
    assert counts["messages.sent.detection"] > 0
    lost = [(line["server"], line["reason"]) for line in service.events("seedlink.lost")]
    assert lost.count((refusing, "refused")) == lost.count((nameless, "dns")) == 1  # each said once
    (unknown,) = service.events("seedlink.station_refused")
    assert (unknown["server"], unknown["station"]) == (server.address, "XX.NONE")
