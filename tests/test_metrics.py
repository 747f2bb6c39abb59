"""What Prometheus sees of the installed program, and what the program's port for it survives."""

import contextlib
import json
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from program import DEADLINE_S, Program
from prometheus_client.parser import text_string_to_metric_families

from quake_stream.counters import Counters
from quake_stream.health import HealthFile
from quake_stream.mseed import archive
from quake_stream.replay.server import ReplayServer

N_IDLE = 200
MAX_GROWTH_KB = 50_000

Values = dict[tuple[str, ...], float]


@pytest.fixture
def start(program: Callable[..., Program], tmp_path: Path) -> Callable[..., Program]:
    """Start the service: ``start(server, bind)``."""

    def run(server: str, bind: str) -> Program:
        path = tmp_path / "home.toml"
        sections = {
            "model": {"name": "stalta"},
            "publish": {"bind": "tcp://127.0.0.1:*"},
            "metrics": {"bind": bind},
            "service": {
                "state_dir": str(tmp_path / "s"),
                "runtime_dir": str(tmp_path / "r"),
                "log_format": "json",
            },
        }
        lines = ["[[source]]", f'url = "seedlink://{server}"']
        for section, keys in sections.items():
            lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
        path.write_text("\n".join(lines) + "\n")
        return program("run", path)

    return run


@pytest.fixture
def server(demo_records: Path) -> Iterator[ReplayServer]:
    """Serve four stations, all at once."""
    index = archive.index([demo_records], counters=Counters())
    server = ReplayServer(index, speed=0, restamp=False, wait_for_clients=1)
    server.start()
    yield server
    server.stop()


def scrape(url: str) -> Values:
    """Values by name and values of the labels."""
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as response:
        families = text_string_to_metric_families(response.read().decode())
        samples = [sample for family in families for sample in family.samples]
    return {
        (sample.name.removeprefix("quake_stream_"), *sample.labels.values()): sample.value
        for sample in samples
    }


def scrape_until(url: str, predicate: Callable[[Values], bool]) -> Values:
    """Scrape again and again, as Prometheus does."""
    deadline_s = time.monotonic() + DEADLINE_S
    waiting = threading.Event()
    while not predicate(values := scrape(url)):
        assert time.monotonic() < deadline_s, values
        waiting.wait(0.2)
    return values


def memory_kb(service: Program) -> int:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_prometheus_sees_stations_work_and_losses(start, server):
    service = start(server.address, "127.0.0.1:0")
    url = service.event("metrics.listening")["url"]
    assert server.wait_until_drained(DEADLINE_S)
    values = scrape_until(
        url, lambda found: found.get(("detections_total",), 0) >= 4 and not found["queue_packets",]
    )
    stations = {key[1] for key in values if key[0] == "last_packet_age_seconds"}
    assert stations == {"BW.UH1", "BW.UH2", "BW.UH3", "BW.UH4"}
    assert {key[1] for key in values if key[0] == "data_latency_seconds"} == stations
    assert values["records_received_total", server.address] == values["source_packets_total", server.address]
    assert values["windows_total",] > values["batches_total",] > 0
    assert values["detection_latency_seconds_count",] == values["detections_total",]
    assert values["inference_seconds_bucket", "+Inf"] == values["batches_total",]
    assert (values["live",], values["ready",]) == (1, 1)
    assert values["connections_opened_total", server.address] == 1
    assert values["packets_dropped_total",] == 0
    assert values["process_open_fds",] > 5
    assert service.stop(signal.SIGTERM) == 0
    assert service.event("service.stopped")["stuck"] == []


@pytest.mark.fault(47)
def test_scrapers_that_are_idle_slow_or_mad_cost_the_service_nothing(start):
    service = start("127.0.0.1:1", "127.0.0.1:0")
    url = service.event("metrics.listening")["url"]
    parts = urlsplit(url)
    address = (parts.hostname, parts.port)
    n_threads, before_kb = scrape(url)["process_threads",], memory_kb(service)
    with contextlib.ExitStack() as stack:
        for n in range(N_IDLE):
            sock = stack.enter_context(socket.create_connection(address, DEADLINE_S))
            if n % 3:
                with contextlib.suppress(ConnectionError):
                    sock.sendall(b"GET /metrics HTTP/1.1\r\n" if n % 3 == 1 else b"\xff" * 20_000)
        values = scrape_until(
            url,
            lambda found: (
                sum(found.get(("scrapes_failed_total", r), 0) for r in ("crowded_out", "too_long")) > 50
            ),
        )
        assert values["process_threads",] == n_threads
        assert values["process_open_fds",] < 100
        assert values["live",] == 1
        assert memory_kb(service) - before_kb < MAX_GROWTH_KB
        assert service.stop(signal.SIGTERM) == 0
    assert service.event("service.stopped")["stuck"] == []


@pytest.mark.fault(47)
def test_a_port_in_use_costs_the_metrics_and_not_the_service(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        service = start("127.0.0.1:1", address)
        assert service.event("metrics.unavailable")["address"] == address
        health = HealthFile(tmp_path / "r" / "home.health.json")
        deadline_s = time.monotonic() + DEADLINE_S
        waiting = threading.Event()
        while "nobody can ask for metrics (EADDRINUSE)" not in (found := health.read(time.time())).reasons:
            assert time.monotonic() < deadline_s, found
            waiting.wait(0.1)
        assert found.live
        assert service.stop(signal.SIGTERM) == 0
