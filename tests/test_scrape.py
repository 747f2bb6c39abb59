"""The page of metrics: what an operator watches, for thousands of stations, at the price of a few milliseconds."""

import platform
import time
from types import SimpleNamespace

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

import quake_stream
from quake_stream.arrivals import Arrivals
from quake_stream.counters import Key
from quake_stream.histogram import Histogram
from quake_stream.intake import Intake
from quake_stream.models.stalta import StaLtaModel
from quake_stream.models.timed import TimedModel
from quake_stream.packet_queue import PacketQueue
from quake_stream.scrape import Scrape
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, Packet
from quake_stream.vitals import Vitals


class FakeWorker:
    windows_per_s = 2.34
    feed_problem = ""
    n_detections = 5
    pipeline = SimpleNamespace(n_windows=70)

    def __init__(self):
        self.latency = Histogram((1.0, 10.0))

    def stations(self):
        return {"ok": 2, "stale": 1}


class FakeSource:
    name = "a:18000"

    def run(self, deliver):
        deliver(packet("IU.ANMO.00.BHZ"))


def packet(nslc, *, late_s=2.5):
    return Packet(
        source_id=SourceId.from_nslc(nslc),
        start_ns=0,
        sample_rate_hz=1.0,
        samples=np.zeros(1, np.int32),
        received_ns=round((1 + late_s) * NS_PER_S),
    )


class Bench:
    """A page of parts that a test can turn."""

    def __init__(self):
        self.now_s = time.monotonic()
        self.worker = FakeWorker()
        self.queue = PacketQueue(max_packets=10)
        self.model = TimedModel(StaLtaModel())
        self.arrivals = Arrivals()
        self.counts = {}
        self.intake = Intake(FakeSource(), self.queue.put)
        self.vitals = Vitals(
            worker=self.worker,
            intakes=[self.intake],
            queue=self.queue,
            spec=self.model.spec,
            stale_after_s=120.0,
            started_s=self.now_s,
        )
        self.scrape = Scrape(
            vitals=self.vitals, model=self.model, arrivals=self.arrivals, counts=lambda: self.counts
        )

    def look(self, *stuck):
        self.vitals.health(time.monotonic(), self.counts, stuck)

    def families(self):
        return list(text_string_to_metric_families(self.scrape.page().decode()))

    def values(self):
        """Values by name, and by the values of the labels where there are any."""
        found = {}
        for family in self.families():
            for sample in family.samples:
                key = (sample.name.removeprefix("quake_stream_"), *sample.labels.values())
                assert key not in found, f"{key} is there twice"
                found[key if len(key) > 1 else key[0]] = sample.value
        return found


@pytest.fixture
def bench():
    return Bench()


def test_each_metric_is_described_once(bench):
    bench.look()
    names = [family.name for family in bench.families()]
    assert len(set(names)) == len(names)
    assert all(family.documentation for family in bench.families())


def test_the_state_of_the_service_is_told(bench):
    bench.intake.run()
    bench.look()
    values = bench.values()
    assert (values["live"], values["ready"], values["problems"]) == (1, 1, 1)
    assert values["problem", "instruments stale"] == 1
    assert (values["instruments", "ok"], values["instruments", "stale"]) == (2, 1)
    assert values["source_packets_total", "a:18000"] == 1
    assert 0 <= values["source_last_packet_age_seconds", "a:18000"] < 60
    bench.look("worker")
    assert bench.values()["live"] == 0


def test_a_source_without_data_is_not_ready_and_has_no_age(bench):
    bench.look()
    values = bench.values()
    assert (values["ready"], values["source_packets_total", "a:18000"]) == (0, 0)
    assert ("source_last_packet_age_seconds", "a:18000") not in values


def test_before_the_first_report_there_is_a_page_all_the_same(bench):
    values = bench.values()
    assert "live" not in values
    assert values["windows_total"] == 70


def test_each_instrument_has_its_age_and_its_latency(bench):
    now_s = time.monotonic()
    bench.arrivals.note(packet("IU.ANMO.00.BHZ"), now_s - 30)
    bench.arrivals.note(packet("IU.ANMO..HNZ", late_s=0.25), now_s - 5)
    values = bench.values()
    assert 30 <= values["last_packet_age_seconds", "IU.ANMO", "00.BH"] < 90
    assert 5 <= values["last_packet_age_seconds", "IU.ANMO", "--.HN"] < 65
    assert values["data_latency_seconds", "IU.ANMO", "00.BH"] == 2.5
    assert values["data_latency_seconds", "IU.ANMO", "--.HN"] == 0.25


def test_the_work_done_is_told(bench):
    bench.model.predict(np.ones((3, bench.model.spec.n_samples, 3), np.float32))
    bench.worker.latency.observe(4.0)
    for _ in range(5):
        bench.queue.put(packet("IU.ANMO.00.BHZ"))
    values = bench.values()
    assert (values["windows_total"], values["batches_total"], values["detections_total"]) == (70, 1, 5)
    assert (values["queue_packets"], values["queue_used_ratio"]) == (5, 0.5)
    assert values["inference_seconds_count"] == 1
    assert values["detection_latency_seconds_bucket", "1.0"] == 0
    assert values["detection_latency_seconds_bucket", "10.0"] == 1
    assert values["detection_latency_seconds_sum"] == 4.0


def test_who_listens_now_is_who_came_and_did_not_leave(bench):
    bench.counts = {Key("subscriptions.joined"): 7, Key("subscriptions.left"): 4}
    assert bench.values()["subscriptions"] == 3


def test_model_and_program_are_named(bench):
    values = bench.values()
    spec = bench.model.spec
    assert values["model_info", spec.name, spec.version, spec.sha256, spec.transform] == 1
    assert values["build_info", quake_stream.__version__, platform.python_version()] == 1


def test_all_counters_are_on_the_page(bench):
    bench.counts = {Key("packets.refused", "nan", "CX.PB01"): 3}
    assert bench.values()["packets_refused_total", "nan", "CX.PB01"] == 3
    assert bench.values()["gaps_total"] == 0


def test_codes_that_no_station_has_do_not_break_the_page(bench):
    bench.counts = {Key("packets.refused", "nan", 'A"} 1\n.\udcff\\'): 3}
    assert sum(value for key, value in bench.values().items() if key[0] == "packets_refused_total") == 3


def test_a_network_of_2000_stations_has_a_few_lines_for_each_and_no_histograms(bench):
    """Six lines a station here; a histogram for each would be 16 more and take ten times as long."""
    codes = [f"CX.S{n:04}" for n in range(2000)]
    for code in codes:
        bench.arrivals.note(packet(f"{code}..HHZ"), time.monotonic())
    reasons = ("gap", "warming_up", "flat")
    bench.counts = {Key("windows.skipped", reason, code): 1 for reason in reasons for code in codes}
    bench.counts |= {Key("gaps", "", code): 1 for code in codes}
    bench.look()
    started_s = time.thread_time()
    page = bench.scrape.page()
    took_s = time.thread_time() - started_s
    lines = page.decode().splitlines()
    n_of_stations = sum('station="' in line for line in lines)
    assert n_of_stations == 6 * 2000
    assert len(lines) - n_of_stations < 300
    assert not [line for line in lines if 'station="' in line and 'le="' in line]
    assert len(page) < 1_500_000
    assert took_s < 1.0  # some 15 ms on an idle machine: see the benchmark
