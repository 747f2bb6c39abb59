"""What Prometheus sees of the installed program, and what the program's port for it survives."""

import contextlib
import itertools
import json
import re
import shutil
import signal
import socket
import subprocess
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

CONFIG = Path(__file__).resolve().parent.parent / "config"
ALERTS, DASHBOARD = CONFIG / "alerts.yml", CONFIG / "grafana-dashboard.json"
METRIC = re.compile(r"\b(?:quake_stream|process)_\w+")

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


def expressions() -> dict[str, str]:
    """Every expression of alerts and dashboard, by where it stands."""
    lines = ALERTS.read_text().splitlines()
    found = {
        name.partition("alert: ")[2]: expr.partition("expr: ")[2]
        for name, expr in itertools.pairwise(lines)
        if "- alert: " in name
    }
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


def promtool(command: str, path: Path, rules: object) -> None:
    """Have Prometheus' own tool look at a file, written in the part of YAML that is JSON."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("NOT RUN: promtool is not here (Debian: prometheus)")
    path.write_text(json.dumps(rules))
    done = subprocess.run(
        [tool, command, "rules", path], capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr


def memory_kb(service: Program) -> int:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_prometheus_sees_stations_work_and_losses(start, server):
    service = start(server.address, "127.0.0.1:0")
    url = service.event("metrics.listening")["url"]
    assert server.wait_until_drained(DEADLINE_S)
    n_sent = sum(n for key, n in server.counts().items() if key.name == "records.sent")

    def has_settled(found: Values) -> bool:
        """Whether all is read and scored: a page that is made meanwhile counts its parts one after another."""
        return (
            found.get(("source_packets_total", server.address)) == n_sent
            and not found["queue_packets",]
            and found["detections_total",] >= 4
            and found["detection_latency_seconds_count",] == found["detections_total",]
            and found["inference_seconds_bucket", "+Inf"] == found["batches_total",]
        )

    values = scrape_until(url, has_settled)
    stations = {key[1] for key in values if key[0] == "last_packet_age_seconds"}
    assert stations == {"BW.UH1", "BW.UH2", "BW.UH3", "BW.UH4"}
    assert {key[1] for key in values if key[0] == "data_latency_seconds"} == stations
    assert values["records_received_total", server.address] == n_sent
    assert values["windows_total",] > values["batches_total",] > 0
    assert (values["live",], values["ready",]) == (1, 1)
    assert values["connections_opened_total", server.address] == 1
    assert values["packets_dropped_total",] == 0
    assert values["process_open_fds",] > 5
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as response:
        exposed = {
            line.split()[2] for line in response.read().decode().splitlines() if line.startswith("# T")
        }
    for place, expression in expressions().items():
        names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in METRIC.findall(expression)}
        assert names <= exposed, place
    assert service.stop(signal.SIGTERM) == 0
    assert service.event("service.stopped")["stuck"] == []


@pytest.mark.fault(47)
def test_scrapers_that_are_idle_slow_or_mad_cost_the_service_nothing(start):
    service = start("127.0.0.1:1", "127.0.0.1:0")
    url = service.event("metrics.listening")["url"]
    parts = urlsplit(url)
    address = (parts.hostname, parts.port)
    refused = ("connections_lost_total", "refused", "127.0.0.1:1")
    started = scrape_until(url, lambda found: found.get(refused, 0) > 0)
    before_kb = memory_kb(service)
    with contextlib.ExitStack() as stack:
        for n in range(N_IDLE):
            sock = stack.enter_context(socket.create_connection(address, DEADLINE_S))
            if n % 3:
                with contextlib.suppress(ConnectionError):
                    sock.sendall(b"GET /metrics HTTP/1.1\r\n" if n % 3 == 1 else b"\xff" * 20_000)
        # Those that came at once are accepted at once, and hung up on right afterwards.
        values = scrape_until(
            url,
            lambda found: (
                sum(found.get(("scrapes_failed_total", r), 0) for r in ("crowded_out", "too_long")) > 50
                and found["process_open_fds",] < 100
            ),
        )
        # One for each attempt to connect, to look the server's name up, may have come or gone meanwhile.
        assert abs(values["process_threads",] - started["process_threads",]) <= 1
        assert values["live",] == 1
        assert memory_kb(service) - before_kb < MAX_GROWTH_KB
        assert service.stop(signal.SIGTERM) == 0
    assert service.event("service.stopped")["stuck"] == []


@pytest.mark.fault(47)
def test_a_port_in_use_costs_the_metrics_and_not_the_service(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        service = start("127.0.0.1:1", address)
        assert service.event("metrics.unavailable")["url"] == f"http://{address}/metrics"
        health = HealthFile(tmp_path / "r" / "home.health.json")
        deadline_s = time.monotonic() + DEADLINE_S
        waiting = threading.Event()
        while "nobody can ask for metrics (EADDRINUSE)" not in (found := health.read(time.time())).reasons:
            assert time.monotonic() < deadline_s, found
            waiting.wait(0.1)
        assert found.live
        assert service.stop(signal.SIGTERM) == 0


def test_each_panel_of_the_dashboard_asks_the_chosen_datasource_and_says_what_it_shows():
    dashboard = json.loads(DASHBOARD.read_text())
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in panels:
        assert panel["title"]
        assert panel["targets"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) - {"__rate_interval"}
    assert used == variables


def test_each_alert_says_how_bad_it_is_and_what_to_look_at():
    alerts = ALERTS.read_text().split("- alert: ")[1:]
    assert len(alerts) == len({alert.split()[0] for alert in alerts}) > 10
    for alert in alerts:
        assert re.search(r"labels: \{ severity: (critical|warning) \}", alert)
        assert re.search(r"summary: \S", alert)
        assert re.search(r"description: \S", alert)


def test_prometheus_itself_understands_every_expression(tmp_path):
    rules = [
        {"record": "checked", "expr": re.sub(r"\$(\w+)", "5m", expression)}
        for expression in expressions().values()
    ]
    promtool("check", tmp_path / "rules.json", {"groups": [{"name": "all", "rules": rules}]})


def test_the_first_loss_a_silent_station_and_a_dead_service_raise_the_alarm(tmp_path):
    up, dropped = 'up{job="quake-stream"}', "quake_stream_packets_dropped_total"
    age = 'quake_stream_last_packet_age_seconds{station="CX.PB01",instrument="--.HH"}'
    alive = [{"series": up, "values": "1x60"}, {"series": "quake_stream_ready", "values": "1x60"}]
    lost = '{reason="queue_full",station="CX.PB01"}'

    def case(name: str, *series: dict[str, str], fires: bool = True) -> dict[str, object]:
        """Say whether an alert fires half an hour after the start."""
        n_firing = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
        samples = [{"labels": "{}", "value": 1}] if fires else []
        tests = [{"expr": n_firing, "eval_time": "30m", "exp_samples": samples}]
        return {"interval": "1m", "input_series": list(series), "promql_expr_test": tests}

    promtool(
        "test",
        tmp_path / "test.json",
        {
            "rule_files": [str(ALERTS)],
            "evaluation_interval": "1m",
            "tests": [
                case("QuakeStreamDown", {"series": up, "values": "1x10 0x50"}),
                case("QuakeStreamDown"),
                case("QuakeStreamDown", *alive, fires=False),
                case("QuakeStreamNoData", {"series": "quake_stream_ready", "values": "1x5 0x60"}),
                case("QuakeStreamNoData", *alive, fires=False),
                case(
                    "QuakeStreamDroppingPackets",
                    {"series": dropped, "values": "0x60"},
                    {"series": dropped + lost, "values": "_x24 1x60"},
                ),
                case(
                    "QuakeStreamDroppingPackets",
                    {"series": dropped, "values": "0x60"},
                    {"series": dropped + lost, "values": "_x5 1x60"},
                    fires=False,
                ),
                case("QuakeStreamStationSilent", {"series": age, "values": "0+60x60"}),
                case("QuakeStreamStationSilent", {"series": age, "values": "5x60"}, fires=False),
            ],
        },
    )
