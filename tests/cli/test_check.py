"""What ``quake-stream check`` prints and how it ends, on the product's own server."""

import io
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from rich.console import Console
from typer.testing import CliRunner

from quake_stream.cli import app
from quake_stream.cli.check import _plain, _print_colourful
from quake_stream.counters import Counters
from quake_stream.diagnosis.report import InstrumentReport, Report, ok, problem, warning
from quake_stream.errors import ConfigError
from quake_stream.mseed import archive
from quake_stream.replay import demo_data
from quake_stream.replay.server import ReplayServer
from quake_stream.types import NS_PER_S

_CONFIG = """\
[[source]]
url = "seedlink://{address}"
streams = [{streams}]

[model]
name = "{model}"

[publish]
bind = "tcp://127.0.0.1:*"

[service]
state_dir = "{folder}"
runtime_dir = "{folder}"
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> archive.RecordIndex:
    """Last 15 s of the demo."""
    paths = demo_data.write_demo_records(tmp_path_factory.mktemp("demo"))
    end_ns = int(archive.index(paths, counters=Counters()).end_ns.max())
    return archive.index(paths, counters=Counters(), start_ns=end_ns - 15 * NS_PER_S)


@pytest.fixture
def server(recording: archive.RecordIndex) -> Iterator[ReplayServer]:
    with ReplayServer(recording, speed=0, wait_for_clients=1) as replay:
        yield replay


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    def write(address: str, *streams: str, model: str = "stalta") -> Path:
        path = tmp_path / "home.toml"
        names = ", ".join(f'"{stream}"' for stream in streams)
        path.write_text(_CONFIG.format(address=address, streams=names, model=model, folder=tmp_path))
        return path

    return write


@pytest.fixture(autouse=True)
def _restore_logging():
    yield
    structlog.reset_defaults()


def run(*arguments: object):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def test_a_configuration_on_which_all_is_well_ends_with_0(server, write_config):
    result = run(write_config(server.address, "BW.UH?"))
    assert result.exit_code == 0, result.output
    assert "ok       model: stalta 1" in result.stdout
    assert "BW.UH3.--.SH     ZNE      ZNE          50" in result.stdout
    assert "problem" not in result.stdout


def test_a_stream_that_is_not_there_ends_with_1_and_a_hint(server, write_config):
    result = run(write_config(server.address, "BW.UH4", "BW.UH44..EH?"))
    assert result.exit_code == 1
    assert f"problem  {server.address}: no stream matches BW.UH44..EH?; did you mean BW.UH4" in result.stdout


def test_a_dead_port_ends_with_1(write_config):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    result = run(write_config(address, "BW.UH?"))
    assert result.exit_code == 1
    assert f"problem  {address}: the host is there, but nothing listens" in result.stdout


def test_a_wrong_model_ends_with_78(server, write_config):
    result = run(write_config(server.address, "BW.UH?", model="gpt"))
    assert result.exit_code == 78
    assert "problem  model: no model 'gpt'" in result.stdout


def test_a_wrong_configuration_is_refused_before_anything_is_tried(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text('[[source]]\nurl = "http://a"\n')
    result = run(path)
    assert isinstance(result.exception, ConfigError)
    assert result.exception.exit_code == 78


def test_json_holds_everything(server, write_config):
    result = run(write_config(server.address, "BW.UH?"), "--json")
    data = json.loads(result.stdout)
    assert (data["exit_status"], result.exit_code) == (0, 0)
    assert [instrument["instrument"] for instrument in data["instruments"]] == [
        *("BW.UH1.--.SH", "BW.UH2.--.SH", "BW.UH3.--.SH", "BW.UH4.--.EH")
    ]
    assert data["load"]["needed_per_s"] == 8.0
    assert {finding["level"] for finding in data["findings"]} == {"ok"}


def test_ctrl_c_ends_it_at_once_and_without_a_traceback(recording, write_config):
    # This one sends nothing before a second client comes, so the check would listen for an hour.
    with ReplayServer(recording, speed=0, wait_for_clients=2) as server:
        config = write_config(server.address, "BW.UH?")
        command = [sys.executable, "-m", "quake_stream", "check", str(config), "--seconds", "3600"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with socket.create_connection(("127.0.0.1", server.port)) as watcher:
            wait_for_listener(watcher)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (130, "", "")


def wait_for_listener(watcher: socket.socket) -> None:
    """Ask the server for its clients until the check is one of them."""
    watcher.settimeout(30)
    reader = watcher.makefile("rb")
    for _ in range(100_000):
        watcher.sendall(b"INFO CONNECTIONS\r")
        text = b""
        while True:
            packet = reader.read(520)
            text += packet[64:]
            if packet[7:8] != b"*":
                break
        if text.count(b"<connection ") > 1:
            return
    raise AssertionError("the check never connected")


def report(n_instruments: int) -> Report:
    instruments = [
        InstrumentReport(
            source="a:18000",
            instrument=f"CX.PB{n:02}.--.HH",
            components=("Z", "N", "E"),
            used=() if n == 29 else ("Z", "N", "E"),
            rates_hz=(100.0,) if n else (),
            record_s=4.1 if n else None,
            latency_s=1.25 if n else None,
            state="components" if n == 29 else "ok",
            note="no use" if n == 29 else "",
        )
        for n in range(n_instruments)
    ]
    found = (ok("model", "loads"), warning("a:18000", "[red]late"), problem("b", "1"), problem("c", "2"))
    return Report(config="a.toml", findings=found, instruments=tuple(instruments), load=None)


def test_long_lists_are_cut_with_the_troubled_first():
    lines = list(_plain(report(30), show_all=False))
    listed = [line for line in lines if line.startswith("CX.")]
    assert len(listed) == 20
    assert listed[0] == "CX.PB29.--.HH    ZNE      -           100     4.1 s     1.2 s  no use"
    assert listed[1] == "CX.PB00.--.HH    ZNE      ZNE           ?         ?         -"
    assert "… and 10 more instruments; --all lists them" in lines
    assert lines[-1] == "2 problems, 1 warning"


def test_all_lists_every_instrument():
    lines = list(_plain(report(30), show_all=True))
    assert sum(line.startswith("CX.") for line in lines) == 30
    assert not any("--all" in line for line in lines)


def test_a_report_without_instruments_has_no_table():
    lines = list(
        _plain(Report(config="", findings=(ok("model", "loads"),), instruments=(), load=None), show_all=False)
    )
    assert lines == ["ok       model: loads", "", "All is well."]


def test_a_terminal_gets_tables_and_no_markup_of_servers_is_obeyed():
    console = Console(width=100, force_terminal=True, no_color=True, record=True, file=io.StringIO())
    _print_colourful(console, report(3), show_all=False)
    text = console.export_text()
    assert "[red]late" in text
    assert "CX.PB02.--.HH  ZNE    ZNE   100   4.1 s    1.2 s" in text
    assert "2 problems, 1 warning" in text
