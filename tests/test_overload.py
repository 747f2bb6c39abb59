"""More than can be worked off: memory stays bounded, what is lost is counted, and it ends with the load."""

import threading
import time
from dataclasses import replace
from itertools import cycle, islice

import pytest
import structlog
from kept_feed import KeptFeed
from synthetic import START_NS, packets

from quake_stream import build
from quake_stream.clock import DataClock, WallClock
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


class Brakes(StaLtaModel):
    """The baseline, which takes its time while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.released.set()

    def predict(self, features):
        self.released.wait(0.1)
        return super().predict(features)


class Plant:
    """A live worker in its thread, with the health report and the log of a service."""

    def __init__(self, *, max_latency_s: float) -> None:
        sections = {
            "model": {"batch_windows": 8, "max_latency_s": max_latency_s},
            "windows": {"ring_s": max(60.0, max_latency_s + 24)},
        }
        config = parse({"source": [{"url": "seedlink://a"}], **sections}, name="test")
        self.model = Brakes()
        self.feed = KeptFeed()
        self.queue = PacketQueue(max_packets=MAX_PACKETS)
        self.n_worked = 0
        self.worker = Worker(
            pipeline=Pipeline(
                detector=build.detector(config, self.model.spec, Counters()),
                model=self.model,
                clock=WallClock(),
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
        """Put packets as if they arrived now."""
        for packet in stream:
            self.queue.put(replace(packet, received_ns=time.time_ns()))
            assert len(self.queue) <= MAX_PACKETS

    def read(self, stream) -> None:
        """Put packets no faster than they are worked off."""
        for first in range(0, len(stream), MAX_PACKETS):
            self.offer(stream[first : first + MAX_PACKETS])
            self.until(self.is_idle)

    def until(self, predicate) -> None:
        self.feed.until(predicate)

    def is_idle(self) -> bool:
        """Whether nothing waits for the detector or the model."""
        return not self.queue and self.worker.pipeline.detector.deadline_ns() is None

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
        self.model.released.set()
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
    start_ns = (time.time_ns() // NS_PER_S - 3600) * NS_PER_S
    streams = [list(packets(last_s, onsets, nslc=f"XX.S{i}..HHZ", start_ns=start_ns)) for i in range(n)]
    return [packet for second in zip(*streams, strict=True) for packet in second]


@pytest.mark.fault(23)
def test_a_model_slower_than_the_data_drops_the_oldest_windows_until_it_is_fast_again(plant):
    """It takes 0.1 s for eight windows, and 600 come at once."""
    plant = plant(max_latency_s=0.5)
    stream = stations(6, last_s=90, onsets=[80.0])
    plant.read(stream[:60])
    assert plant.reasons(1000.0) == ()

    plant.model.released.clear()
    plant.offer(stream[60:360])
    plant.until(plant.is_idle)
    n_dropped = plant.n_dropped()
    assert n_dropped.keys() == {("windows.dropped", f"XX.S{n}") for n in range(6)}
    told = ServiceLog()
    with structlog.testing.capture_logs() as lines:
        for second in range(5):
            assert any("dropped in the last minute" in reason for reason in plant.reasons(1001.0 + second))
            told.report(plant.vitals.problems, 1001.0 + second)
    assert [line["event"] for line in lines].count("service.degraded") == 1

    plant.model.released.set()
    plant.read(stream[360:])
    plant.until(lambda: plant.worker.stations() == {"ok": 6})
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
    flood = cycle(list(packets(500, nslc="XX.FLOOD..HHZ", start_ns=stream[0].start_ns)))
    calm.read(stream)
    for packet in stream:
        flooded.offer([packet, *islice(flood, 400)])
    n_dropped = flooded.n_dropped()
    assert n_dropped.keys() == {("packets.dropped", "XX.FLOOD")}
    assert n_dropped["packets.dropped", "XX.FLOOD"] > 60_000
    assert any("dropped in the last minute" in reason for reason in flooded.reasons(1000.0))
    for plant_ in (calm, flooded):
        plant_.until(plant_.is_idle)
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
