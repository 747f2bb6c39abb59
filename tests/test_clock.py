"""Clocks: the host's, also when it is set, and that of a recording."""

import time
from dataclasses import replace

import numpy as np
import pytest
from synthetic import START_NS, packets

from quake_stream import build
from quake_stream.clock import PATIENCE_NS, STEP_NS, ClockWatch, DataClock, WallClock
from quake_stream.config import parse
from quake_stream.counters import Counters, by_reason
from quake_stream.models.stalta import StaLtaModel
from quake_stream.pipeline import Pipeline
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, Detection, Latency, Packet

HOUR_NS = 3600 * NS_PER_S


class Host:
    """A host whose clocks are turned by hand."""

    def __init__(self) -> None:
        self.elapsed_ns = 1000
        self.error_ns = 0

    def utc_ns(self) -> int:
        return START_NS + self.elapsed_ns + self.error_ns

    def clock(self) -> WallClock:
        return WallClock(utc_ns=self.utc_ns, monotonic_ns=lambda: self.elapsed_ns)


def packet(received_ns: int) -> Packet:
    return Packet(
        source_id=SourceId.from_nslc("IU.ANMO.00.BHZ"),
        start_ns=0,
        sample_rate_hz=1.0,
        samples=np.zeros(1, np.int32),
        received_ns=received_ns,
    )


def test_the_wall_clock_ignores_data():
    clock = WallClock()
    clock.see(packet(10**30))
    assert abs(clock.now_ns() - time.time_ns()) < 60 * 10**9


def test_the_wall_clock_follows_small_corrections_and_when_it_is_set_back():
    host = Host()
    clock = host.clock()
    for error_ns in (0, STEP_NS // 2, STEP_NS, -5 * STEP_NS, -HOUR_NS, -HOUR_NS + STEP_NS):
        host.elapsed_ns += NS_PER_S
        host.error_ns = error_ns
        assert clock.now_ns() == host.utc_ns()


def test_the_wall_clock_follows_late_when_it_is_set_forward():
    host = Host()
    clock = host.clock()
    host.error_ns = HOUR_NS
    first_ns = clock.now_ns()
    host.elapsed_ns += PATIENCE_NS - 1
    assert clock.now_ns() == first_ns + PATIENCE_NS - 1
    host.elapsed_ns += 1
    assert clock.now_ns() == host.utc_ns()
    host.elapsed_ns += 1
    host.error_ns = 2 * HOUR_NS
    assert clock.now_ns() == host.utc_ns() - HOUR_NS


def test_a_clock_that_was_set_forward_and_back_again_was_never_set():
    host = Host()
    clock = host.clock()
    host.error_ns = HOUR_NS
    clock.now_ns()
    host.error_ns = 0
    assert clock.now_ns() == host.utc_ns()
    host.elapsed_ns += PATIENCE_NS
    host.error_ns = HOUR_NS
    assert clock.now_ns() == host.utc_ns() - HOUR_NS


def test_the_data_clock_is_as_late_as_the_latest_packet_and_never_goes_back():
    clock = DataClock()
    assert clock.now_ns() == 0
    clock.see(packet(20))
    clock.see(packet(10))
    assert clock.now_ns() == 20


def test_whoever_watches_sees_each_time_that_the_clock_is_set_once():
    host = Host()
    watch = ClockWatch(utc_ns=host.utc_ns, monotonic_ns=lambda: host.elapsed_ns)
    seen = []
    for error_ns in (0, STEP_NS - 1, STEP_NS - 1 + HOUR_NS, HOUR_NS, 0, 0):
        host.elapsed_ns += NS_PER_S
        host.error_ns = error_ns
        seen.append(watch.look())
    assert seen == [0, 0, HOUR_NS, 0, -HOUR_NS, 0]


def served(step_s: float) -> tuple[list[Detection], dict[str, int]]:
    """Serve live data with an onset after 40 s while the host's clock is set at 43 s, with windows waiting."""
    host = Host()
    config = parse({"source": [{"url": "seedlink://a"}], "model": {"max_wait_s": 1.5}}, name="test")
    model, counters = StaLtaModel(), Counters()
    core = build.detector(config, model.spec, counters)
    pipeline = Pipeline(detector=core, model=model, clock=host.clock())
    found = []
    for one in packets(80, [40.0]):
        host.elapsed_ns = one.end_ns - START_NS + NS_PER_S // 2
        found += pipeline.receive(replace(one, received_ns=host.utc_ns()))
        if one.end_ns - START_NS == 43 * NS_PER_S:
            host.error_ns = round(step_s * NS_PER_S)
        found += pipeline.score()
    found += pipeline.finish()
    return [d for d in found if isinstance(d, Detection)], by_reason(counters.snapshot())


@pytest.mark.fault(17)
@pytest.mark.parametrize("step_s", [-7200.0, -45.0, -2.0, 2.0, 45.0, 7200.0])
def test_a_clock_that_is_set_changes_no_detection_and_drops_nothing(step_s):
    (expected, _), (found, counts) = served(0.0), served(step_s)
    same = Latency(data_s=0.0, queue_s=0.0, inference_s=0.0)
    assert [replace(d, latency=same) for d in found] == [replace(d, latency=same) for d in expected]
    assert len(found) > 1
    assert not [name for name in counts if "dropped" in name or "refused" in name]
    for detection in found:
        latency = detection.latency
        assert min(latency.data_s, latency.queue_s, latency.inference_s) >= 0
