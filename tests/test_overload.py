"""More than can be worked off: memory stays bounded, what is lost is counted, and it ends with the load."""

import threading
from dataclasses import replace
from itertools import cycle, islice

import pytest
import structlog
from kept_feed import KeptFeed
from synthetic import START_NS, packets

from quake_stream import build
from quake_stream.clock import DataClock
from quake_stream.config import parse
from quake_stream.counters import Counters
from quake_stream.models.stalta import StaLtaModel
from quake_stream.packet_queue import PacketQueue
from quake_stream.pipeline import Pipeline
from quake_stream.service_log import ServiceLog
from quake_stream.stations import StationWatch
from quake_stream.types import NS_PER_S, Detection, Gap, Latency, Packet
from quake_stream.vitals import LATELY_S, Vitals
from quake_stream.worker import FeedSettings, Worker

MAX_PACKETS = 300


class HandClock:
    """Stands still unless it is moved, so that only what a test makes slow is slow."""

    def __init__(self) -> None:
        self.ns = START_NS + 3600 * NS_PER_S

    def now_ns(self) -> int:
        return self.ns

    def see(self, packet) -> None:
        pass


class Brakes(StaLtaModel):
    """The baseline, which takes ``slow_s`` of the clock's time for each batch."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__()
        self.slow_s = 0.0
        self._clock = clock

    def predict(self, features):
        self._clock.ns += round(self.slow_s * NS_PER_S)
        return super().predict(features)


class Plant:
    """A live worker in its thread, with the health report and the log of a service."""

    def __init__(self, *, max_latency_s: float) -> None:
        sections = {
            "model": {"batch_windows": 8, "max_wait_s": 0.0, "max_latency_s": max_latency_s},
            "windows": {"ring_s": max(60.0, max_latency_s + 24)},
        }
        config = parse({"source": [{"url": "seedlink://a"}], **sections}, name="test")
        self.clock = HandClock()
        self.model = Brakes(self.clock)
        self.feed = KeptFeed()
        self.queue = PacketQueue(max_packets=MAX_PACKETS)
        self.n_offered = self.n_worked = 0
        self.worker = Worker(
            pipeline=Pipeline(
                detector=build.detector(config, self.model.spec, Counters()),
                model=self.model,
                clock=self.clock,
            ),
            queue=self.queue,
            spec=self.model.spec,
            open_feed=self.feed.open,
            received=self._note,
            watch=StationWatch(stale_after_s=None, min_interval_s=0.0),
            settings=FeedSettings(heartbeat_s=0.1, author="", agency="", is_replay=False),
        )
        self.vitals = Vitals(
            worker=self.worker,
            intakes=[],
            queue=self.queue,
            spec=self.model.spec,
            stale_after_s=120.0,
            started_s=0.0,
        )
        self.thread = threading.Thread(target=self.worker.run)
        self.thread.start()

    def offer(self, stream) -> None:
        """Put packets as if they arrived together now."""
        now_ns = self.clock.now_ns()
        for packet in stream:
            self.queue.put(replace(packet, received_ns=now_ns))
            self.n_offered += 1
            assert len(self.queue) <= MAX_PACKETS

    def read(self, stream) -> None:
        """Put packets no faster than they are worked off."""
        for first in range(0, len(stream), MAX_PACKETS):
            self.offer(stream[first : first + MAX_PACKETS])
            self.settle()

    def settle(self) -> None:
        """Wait until all that was offered is worked off: an end to the backlog."""
        self.feed.until(lambda: self.n_worked + sum(self.queue.counts().values()) == self.n_offered)
        turned = threading.Event()
        self.worker.between_turns(turned.set)
        assert turned.wait(60)
        assert len(self.queue) == 0
        assert self.worker.pipeline.detector.deadline_ns() is None

    def reasons(self, now_s: float) -> tuple[str, ...]:
        return self.vitals.health(now_s, self.worker.counts()).reasons

    def n_dropped(self) -> dict[tuple[str, str], int]:
        """Count what was dropped by name and station."""
        return {
            (k.name, k.station): n for k, n in self.worker.counts().items() if k.name.endswith(".dropped")
        }

    def detections(self, nsl: str) -> list[dict]:
        """Messages on the detections of a station, without what depends on the time of day."""
        kept = [dict(b) for b in self.feed.bodies("detection") if f"{b['network']}.{b['station']}" == nsl]
        for body in kept:
            for key in ("created", "created_ns", "latency_s"):
                del body[key]
        return kept

    def stop(self) -> None:
        self.queue.close()
        self.thread.join(60)
        assert not self.thread.is_alive()

    def _note(self, _packet: Packet) -> None:
        self.n_worked += 1


@pytest.fixture
def plant():
    made = []

    def make(**options) -> Plant:
        made.append(Plant(**options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def stations(n: int, *, last_s: int, onsets=()) -> list[Packet]:
    """Second by second the packets of ``n`` stations, whose data began an hour ago."""
    streams = [list(packets(last_s, onsets, nslc=f"XX.S{i}..HHZ")) for i in range(n)]
    return [packet for second in zip(*streams, strict=True) for packet in second]


@pytest.mark.fault(23)
def test_a_model_slower_than_the_data_drops_the_oldest_windows_until_it_is_fast_again(plant):
    """It takes 0.1 s for eight windows at most, and 600 come at once."""
    plant = plant(max_latency_s=0.5)
    stream = stations(6, last_s=90, onsets=[80.0])
    plant.read(stream[:60])
    assert plant.reasons(1000.0) == ()

    plant.model.slow_s = 0.1
    plant.offer(stream[60:360])
    plant.settle()
    n_dropped = plant.n_dropped()
    assert n_dropped.keys() == {("windows.dropped", f"XX.S{n}") for n in range(6)}
    told = ServiceLog()
    with structlog.testing.capture_logs() as lines:
        for second in range(5):
            assert any("dropped in the last minute" in reason for reason in plant.reasons(1001.0 + second))
            told.report(plant.vitals.problems, 1001.0 + second)
    assert [line["event"] for line in lines].count("service.degraded") == 1

    plant.model.slow_s = 0.0
    plant.read(stream[360:])
    plant.feed.until(lambda: plant.worker.stations() == {"ok": 6})
    assert plant.n_dropped() == n_dropped
    with structlog.testing.capture_logs() as lines:
        for second in range(3):
            reasons = plant.reasons(1010.0 + LATELY_S + second)
            told.report(plant.vitals.problems, 1010.0 + LATELY_S + second)
    assert reasons == ()
    assert [line["event"] for line in lines].count("service.recovered") == 1
    assert all(plant.detections(f"XX.S{n}") for n in range(6))


@pytest.mark.fault(23)
def test_a_flood_from_one_station_costs_the_others_nothing(plant):
    """Packets come faster than they can be worked off, from one station hundreds for each of another."""
    calm, flooded = plant(max_latency_s=300.0), plant(max_latency_s=300.0)
    stream = stations(5, last_s=60, onsets=[40.0])
    flood = cycle(list(packets(500, nslc="XX.FLOOD..HHZ")))
    calm.read(stream)
    for packet in stream:
        flooded.offer([packet, *islice(flood, 400)])
    n_dropped = flooded.n_dropped()
    assert n_dropped.keys() == {("packets.dropped", "XX.FLOOD")}
    assert n_dropped["packets.dropped", "XX.FLOOD"] > 60_000
    assert any("dropped in the last minute" in reason for reason in flooded.reasons(1000.0))
    for plant_ in (calm, flooded):
        plant_.settle()
        plant_.stop()
    for n in range(5):
        found = flooded.detections(f"XX.S{n}")
        assert [body["state"] for body in found] == ["new", "end"]
        assert found == calm.detections(f"XX.S{n}")


@pytest.mark.fault(23)
def test_a_station_with_a_gap_in_every_packet_costs_the_others_nothing():
    """Of every two samples it sends one, each in a packet of its own, beside fifty good stations."""
    good = [list(packets(45, [30.0], nslc=f"XX.S{n}..HHZ", packet_s=3.0)) for n in range(50)]
    (whole,) = packets(45, nslc="XX.HOLES..HHZ", packet_s=45.0)
    holes = [
        replace(whole, start_ns=at_ns, samples=whole.samples[n : n + 1], received_ns=at_ns)
        for n in range(0, whole.n_samples, 2)
        for at_ns in [START_NS + n * NS_PER_S // 100]
    ]
    stream = [packet for turn in zip(*good, strict=True) for packet in turn]
    expected, _ = run(stream)
    found, gaps = run(sorted(stream + holes, key=lambda packet: packet.received_ns))
    assert len(expected) == 100
    assert found == expected
    assert {gap.source_id.station for gap in gaps} == {"HOLES"}
    assert len(gaps) == len(holes) - 1


def run(stream):
    """Give the detections, without latencies and station by station, and the gaps."""
    config = parse({"source": [{"url": "seedlink://a"}]}, name="test")
    model = StaLtaModel()
    pipe = Pipeline(detector=build.detector(config, model.spec, Counters()), model=model, clock=DataClock())
    results = [result for packet in stream for result in pipe.receive(packet)] + list(pipe.finish())
    same = Latency(data_s=0.0, queue_s=0.0, inference_s=0.0)
    detections = [replace(r, latency=same) for r in results if isinstance(r, Detection)]
    detections.sort(key=lambda d: (str(d.instrument_id), d.revision))
    return detections, [r for r in results if isinstance(r, Gap)]
