"""Start, supervision and stop of the service, with sources and workers that misbehave."""

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
import structlog
import zmq
from synthetic import packets

from quake_stream import build
from quake_stream.clock import ClockWatch
from quake_stream.config import load
from quake_stream.errors import ConfigError, PublishError, QuakeStreamError, SourceError
from quake_stream.ingest.resume import ResumeStore
from quake_stream.publish.clients import write_clients
from quake_stream.publish.gate import Gate
from quake_stream.publish.keys import new_pair, write_key
from quake_stream.service import Service
from quake_stream.types import Packet


class FakeSource:
    """Does what a test tells it, in its own thread."""

    def __init__(self, body, name="fake:18000") -> None:
        self.name = name
        self.acknowledged: list[Packet] = []
        self.positions: ResumeStore | None = None
        self.stopped = threading.Event()
        self._body = body

    def run(self, deliver) -> None:
        self._body(self, deliver)

    def stop(self) -> None:
        self.stopped.set()

    def acknowledge(self, packet) -> None:
        self.acknowledged.append(packet)
        self.positions.advance(packet.position)

    def progress(self) -> int:
        return 0

    def counts(self):
        return {}


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def wait_for_stop(source: FakeSource, _deliver) -> None:
    source.stopped.wait(60)


def stop_at_once(source: FakeSource, deliver) -> None:
    terminate()
    wait_for_stop(source, deliver)


class Bench:
    """A service with fake sources, run in the test's own thread, as signals demand."""

    def __init__(self, tmp_path: Path, monkeypatch) -> None:
        self.path = tmp_path / "home.toml"
        self.sources: list[FakeSource] = []
        self.logs: list[dict] = []
        self._folder = tmp_path
        monkeypatch.setattr(build, "sources", self._give_sources)

    def _give_sources(self, _config, positions) -> list[FakeSource]:
        for source in self.sources:
            source.positions = positions
        return self.sources

    def run(self, *bodies, **service: object) -> None:
        """Run to the end."""
        replay = service.pop("replay", False)
        publish = {"bind": "tcp://127.0.0.1:*"} | service.pop("publish", {})
        self.sources[:] = [FakeSource(body, f"fake:{n}") for n, body in enumerate(bodies)]
        keys = {"state_dir": f"{self._folder}/s", "runtime_dir": f"{self._folder}/r"} | service
        lines = ["[[source]]", 'url = "file:///x"' if replay else 'url = "seedlink://x"']
        lines += ["[model]", 'name = "stalta"', "[metrics]", 'bind = ""', "[publish]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in publish.items()]
        lines += ["[service]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        self.path.write_text("\n".join(lines))
        with structlog.testing.capture_logs() as self.logs:
            Service(load(self.path), self.path).run()

    def counts(self) -> dict[str, int]:
        (line,) = [line for line in self.logs if line["event"] == "service.stopped"]
        return line["counts"]

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.logs]

    @property
    def health_file(self) -> Path:
        return self._folder / "r" / "home.health.json"


@pytest.fixture
def bench(tmp_path, monkeypatch):
    before = threading.active_count()
    bench = Bench(tmp_path, monkeypatch)
    yield bench
    assert threading.active_count() <= before  # one that an earlier test left may have ended


def test_a_signal_stops_sources_and_worker_and_leaves_no_health_report(bench):
    def check_health(source, deliver):
        while not bench.health_file.exists():
            source.stopped.wait(0.02)
        stop_at_once(source, deliver)

    bench.run(check_health)
    assert bench.events == ["service.ready", "service.stopping", "service.stopped"]
    assert bench.sources[0].stopped.is_set()
    assert not bench.health_file.exists()


def test_what_was_delivered_before_the_stop_is_worked_through(bench):
    def deliver_and_stop(source, deliver):
        for packet in packets(43, [40.0], server=source.name, received_ns=time.time_ns()):
            deliver(packet)
        stop_at_once(source, deliver)

    bench.run(deliver_and_stop)
    assert len(bench.sources[0].acknowledged) == 43
    assert bench.counts()["messages.sent.detection"] == 2


def test_the_positions_are_saved_at_the_stop(bench, tmp_path):
    def deliver_and_stop(source, deliver):
        stream = list(packets(120, server=source.name, received_ns=time.time_ns()))
        for packet in stream:
            deliver(packet)
        while len(source.acknowledged) < len(stream):
            source.stopped.wait(0.02)
        stop_at_once(source, deliver)

    bench.run(deliver_and_stop, save_interval_s=3600)
    (saved,) = ResumeStore(tmp_path / "s" / "home.positions.json").positions("fake:0")
    # Behind the last of 120 s by what a window needs before it: no detection was open.
    assert 80 <= saved.sequence <= 100


def test_a_source_that_fails_stops_the_service_with_its_own_error(bench):
    def fail(_source, _deliver):
        raise SourceError("the archive is gone")

    with pytest.raises(SourceError, match="the archive is gone"):
        bench.run(wait_for_stop, fail)
    (line,) = [line for line in bench.logs if line["event"] == "service.failed"]
    assert (line["thread"], line["error"]) == ("ingest-fake:1", "the archive is gone")
    assert bench.sources[0].stopped.is_set()


@pytest.mark.fault(17)
def test_a_clock_that_is_set_is_logged_and_counted(bench, monkeypatch):
    steps = [-7200 * 10**9]
    monkeypatch.setattr(ClockWatch, "look", lambda _: steps.pop() if steps else 0)

    def wait(source, deliver):
        while steps:
            source.stopped.wait(0.02)
        stop_at_once(source, deliver)

    bench.run(wait)
    (line,) = [line for line in bench.logs if line["event"] == "clock.set"]
    assert line["by_s"] == -7200.0
    assert bench.counts()["clocks.set.back"] == 1


def test_an_unexpected_failure_is_raised_as_it_is(bench):
    def fail(_source, _deliver):
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        bench.run(fail)
    assert "service.stopped" in bench.events


def test_the_end_of_all_recordings_ends_the_service_well(bench):
    def read(_source, deliver):
        for packet in packets(43, [40.0]):
            deliver(packet)

    bench.run(read, replay=True)
    assert bench.counts()["messages.sent.detection"] == 2


@pytest.mark.fault(40)
def test_a_feed_that_cannot_open_ends_the_service_before_any_source_starts(bench):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PublishError, match="cannot publish on"):
            bench.run(lambda *_: pytest.fail("started"), publish={"bind": f"tcp://127.0.0.1:{port}"})
    assert "service.ready" not in bench.events


@pytest.mark.fault(44)
def test_a_gate_that_fails_ends_the_service_so_that_it_is_started_again(bench, monkeypatch, tmp_path):
    pair = new_pair()
    write_key(tmp_path / "key", pair, owner="station")
    write_clients(tmp_path / "clients", {"client": pair.public})

    def fail(_gate):
        raise zmq.ZMQError(zmq.ENOTSOCK)

    monkeypatch.setattr(Gate, "poll", fail)
    with pytest.raises(zmq.ZMQError):
        bench.run(wait_for_stop, publish={"key": f"{tmp_path}/key", "clients": f"{tmp_path}/clients"})
    (failed,) = [line for line in bench.logs if line["event"] == "service.failed"]
    assert failed["thread"] == "worker"


def test_a_worker_that_fails_does_not_leave_a_waiting_recording_behind(bench, monkeypatch):
    """The recording waits for room in the queue, which nobody will make any more."""
    worker = build.worker

    def failing(*args, received, **kwargs):
        def fail(_packet):
            raise ZeroDivisionError("a bug")

        return worker(*args, received=fail, **kwargs)

    monkeypatch.setattr(build, "worker", failing)

    def read(source, deliver):
        for packet in packets(3000):
            if source.stopped.is_set():
                return
            deliver(packet)

    started_s = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        bench.run(read, replay=True, stop_timeout_s=300)
    assert time.monotonic() - started_s < 60  # and not the stop budget
    (line,) = [line for line in bench.logs if line["event"] == "service.stopped"]
    assert line["stuck"] == []


@pytest.mark.fault(36)
def test_a_source_that_does_not_stop_is_named_and_does_not_hold_up_the_stop(bench):
    release = threading.Event()

    def hang(_source, _deliver):
        terminate()
        release.wait(60)

    try:
        with pytest.raises(QuakeStreamError, match="threads stuck: ingest-fake:0"):
            bench.run(hang, stop_timeout_s=5)  # in which the worker ends
        assert not bench.health_file.exists()
    finally:
        release.set()
        for thread in threading.enumerate():
            if thread.name.startswith("ingest-"):
                thread.join(20)


@pytest.mark.fault(35)
def test_a_worker_that_lags_drops_what_is_left_when_the_budget_is_used_up(bench, monkeypatch):
    model = build.model
    release = threading.Event()

    def slow(config):
        made = model(config)
        predict = made.predict

        def slowly(features):
            release.wait(0.3)
            return predict(features)

        made.predict = slowly
        return made

    monkeypatch.setattr(build, "model", slow)

    def deliver_and_stop(source, deliver):
        for packet in packets(600, server=source.name, received_ns=time.time_ns()):
            deliver(packet)
        stop_at_once(source, deliver)

    bench.run(deliver_and_stop, stop_timeout_s=10)  # of the 36 s that it would take
    n_dropped = bench.counts()["packets.dropped.shutdown"]
    # What was dropped was not acknowledged either, so the positions still lie before it.
    assert 0 < n_dropped == 600 - len(bench.sources[0].acknowledged)


def test_a_signal_during_the_start_is_obeyed_before_anything_runs(bench, monkeypatch):
    model = build.model
    monkeypatch.setattr(build, "model", lambda config: (terminate(), model(config))[1])
    bench.run(lambda *_: pytest.fail("started"))
    assert bench.events == ["service.stopping", "service.stopped"]


@pytest.mark.fault(38)
def test_a_wrong_model_or_configuration_is_raised_before_anything_runs(bench, monkeypatch):
    def refuse(_config):
        raise ConfigError("no")

    monkeypatch.setattr(build, "model", refuse)
    with pytest.raises(ConfigError):
        bench.run(wait_for_stop)
    assert bench.events == []


def test_systemd_hears_of_start_and_stop(bench, monkeypatch, tmp_path):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.setenv("WATCHDOG_USEC", "60000000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)

        def check(source, deliver):
            said = ""
            while "WATCHDOG=1" not in said:
                said += listener.recv(4096).decode() + "\n"
            assert said.startswith("READY=1\n")
            stop_at_once(source, deliver)

        bench.run(check)
        assert "STOPPING=1" in heard(listener, "STOPPING=1")


@pytest.fixture
def systemd(monkeypatch, tmp_path):
    """Listen where systemd would; the watchdog is due every two seconds."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield listener


@pytest.mark.fault(24)
def test_a_model_that_hangs_is_down_and_feeds_the_watchdog_no_more(bench, monkeypatch, systemd):
    release = threading.Event()
    model = build.model

    def hanging(config):
        made = model(config)
        predict = made.predict
        made.predict = lambda features: (release.wait(60), predict(features))[1]
        return made

    monkeypatch.setattr(build, "model", hanging)
    monkeypatch.setattr(FakeSource, "progress", lambda _self: time.monotonic_ns())
    report = {}

    def check(source, deliver):
        for packet in packets(60, server=source.name, received_ns=time.time_ns()):
            deliver(packet)
        try:
            heard(systemd, "STATUS=down: worker makes no progress")
            said = heard(systemd, "STATUS=down")  # a second later
            report.update(json.loads(bench.health_file.read_text()), fed="WATCHDOG=1" in said)
        finally:
            release.set()
            stop_at_once(source, deliver)

    bench.run(check)
    assert (report["state"], report["live"], report["fed"]) == ("down", False, False)
    (line,) = [line for line in bench.logs if line["event"] == "service.stuck"]
    assert (line["loops"], line["log_level"]) == (["worker"], "error")


@pytest.mark.fault(5)
def test_a_dead_server_upstream_degrades_the_service_and_feeds_the_watchdog(bench, monkeypatch, systemd):
    monkeypatch.setattr(FakeSource, "progress", lambda _self: time.monotonic_ns())
    monkeypatch.setenv("WATCHDOG_USEC", "120000000")  # a busy machine may hold the worker up for seconds

    def check(source, deliver):
        heard(systemd, "STATUS=degraded: no data from fake:0")
        assert "WATCHDOG=1" in heard(systemd, "STATUS=degraded")
        report = json.loads(bench.health_file.read_text())
        assert (report["live"], report["ready"]) == (True, False)
        stop_at_once(source, deliver)

    bench.run(check, stale_after_s=5)
    assert "service.stuck" not in bench.events


@pytest.mark.fault(37)
def test_a_refused_reload_is_a_reason_until_one_succeeds(bench, monkeypatch):
    monkeypatch.setattr("quake_stream.log.configure", lambda *_: None)  # it would end the capture of logs

    def until(says):
        deadline_s = time.monotonic() + 60
        while says not in (text := bench.health_file.read_text() if bench.health_file.exists() else ""):
            assert time.monotonic() < deadline_s, text
            bench.sources[0].stopped.wait(0.05)

    def check(source, deliver):
        until('"reasons": []')
        good = bench.path.read_text()
        bench.path.write_text("nonsense = 1\n" + good)
        os.kill(os.getpid(), signal.SIGHUP)
        until("the last reload was refused")
        bench.path.write_text(good)
        os.kill(os.getpid(), signal.SIGHUP)
        until('"reasons": []')
        stop_at_once(source, deliver)

    bench.run(check)
    events = [event for event in bench.events if event.startswith("service.")]
    assert events == [
        "service.ready",
        "service.reload_refused",
        "service.degraded",
        "service.reloaded",
        "service.recovered",
        "service.stopping",
        "service.stopped",
    ]
    assert (bench.counts()["reloads.refused"], bench.counts()["reloads.done"]) == (1, 1)


def heard(listener, text) -> str:
    said = ""
    while text not in said:
        said += listener.recv(4096).decode() + "\n"
    return said
