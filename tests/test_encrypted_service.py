"""The installed program and an encrypted server with a password: refused, told, mended, read."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from program import DEADLINE_S, Program
from transports import PASSWORD, make_way

from quake_stream.counters import Counters
from quake_stream.health import Health, HealthFile
from quake_stream.mseed import archive
from quake_stream.replay.server import ReplayServer


def write_config(folder: Path, server: ReplayServer) -> Path:
    path = folder / "test.toml"
    path.write_text(f"""\
[[source]]
url = "seedlinks://{server.address}"
streams = ["BW.UH?"]
ca_file = "{folder / "trusted.pem"}"
user = "anna"
password_file = "{folder / "password"}"

[model]
name = "stalta"

[publish]
bind = "tcp://127.0.0.1:*"

[metrics]
bind = ""

[service]
state_dir = "{folder / "s"}"
runtime_dir = "{folder / "r"}"
stale_after_s = 5
log_format = "json"
""")
    return path


def wait_for_health(folder: Path, predicate: Callable[[Health], bool]) -> Health:
    report, ticks = HealthFile(folder / "r" / "test.health.json"), threading.Event()
    for _ in range(round(DEADLINE_S / 0.1)):
        health = report.read(time.time())
        if predicate(health):
            return health
        ticks.wait(0.1)
    raise AssertionError(f"never came: {health}")


@pytest.mark.fault(5)
def test_a_server_that_cannot_be_trusted_is_a_reason_of_health_until_it_can(
    program: Callable[..., Program], tmp_path: Path, demo_records: Path
) -> None:
    way = make_way("tls4", tmp_path)  # puts ca.pem and password there
    trusted = tmp_path / "trusted.pem"
    trustme.CA().cert_pem.write_to_path(trusted)  # another authority than the server's
    recording = archive.index([demo_records], counters=Counters())
    with ReplayServer(recording, speed=0, wait_for_clients=1, **way.server) as server:
        service = program("run", write_config(tmp_path, server))
        lost = service.event("seedlink.lost")
        assert (lost["reason"], lost["level"]) == ("certificate", "warning")
        assert "unable to get local issuer" in lost["detail"]
        service.event("service.ready")
        health = wait_for_health(tmp_path, lambda h: h.state == "degraded")
        assert any("no connection: certificate" in reason for reason in health.reasons)

        trusted.write_bytes((tmp_path / "ca.pem").read_bytes())  # mended, without a restart
        connected = service.event("seedlink.connected")
        assert connected["protocol"] == "4"
        wait_for_health(tmp_path, lambda h: sum(source.n_packets for source in h.sources) > 0)
        assert service.stop(signal.SIGTERM) == 0
    assert len(service.events("seedlink.lost")) == 1
    assert PASSWORD not in "\n".join([*service.err, *service.out])
    kept = [path.read_bytes() for path in (tmp_path / "s").rglob("*") if path.is_file()]
    assert kept
    assert not any(PASSWORD.encode() in content for content in kept)
