"""A fault of this program in one instrument's data costs that instrument, and no other."""

import json
import random
import signal
import sys
import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import configs
import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_feed import KeptFeed
from program import DEADLINE_S
from synthetic import packets

from quake_stream import build, offline
from quake_stream.clock import DataClock
from quake_stream.config import parse
from quake_stream.containment import Containment
from quake_stream.counters import Counters, Key
from quake_stream.detection.detector import Detector, DetectorSettings
from quake_stream.errors import InferenceError
from quake_stream.health import HealthFile
from quake_stream.ingest.resume import ResumeStore
from quake_stream.models.stalta import StaLtaModel
from quake_stream.mseed import archive
from quake_stream.onset import pick_onset
from quake_stream.packet_queue import PacketQueue
from quake_stream.pipeline import Pipeline
from quake_stream.replay.server import ReplayServer
from quake_stream.source_id import SourceId
from quake_stream.stations import StationWatch
from quake_stream.types import NS_PER_S, Detection, Gap, Latency
from quake_stream.worker import FeedSettings, Worker

GOOD, BAD = (SourceId.from_nslc(f"CX.PB0{n}..HHZ").instrument for n in (1, 2))
FAILED = Key("instruments.failed", "ZeroDivisionError", "CX.PB02")
SAME = Latency(data_s=0.0, queue_s=0.0, inference_s=0.0)
CONFIG = parse({"source": [{"url": "seedlink://a"}]}, name="test")


class Cursed(np.ndarray):
    """Samples with which nothing can be done."""

    error: Exception = ZeroDivisionError("cursed")

    def __array_ufunc__(self, *_, **__):
        raise self.error

    __array_function__ = astype = __getitem__ = __array_ufunc__


class Fatal(Cursed):
    error = MemoryError()


def curse(packet, cls=Cursed):
    return replace(packet, samples=packet.samples.view(cls))


class Saboteur:
    """Lets steps of one instrument fail now and then, before they are taken or after."""

    def __init__(self, seed: int, counters: Counters) -> None:
        self._random = random.Random(seed)
        self._contain = Containment(counters)

    def __call__(self, step, instrument_id=None):
        def take():
            if instrument_id == BAD and self._random.random() < 0.02:
                raise ZeroDivisionError
            made = step()
            if instrument_id == BAD and self._random.random() < 0.02:
                raise ZeroDivisionError
            return made

        return self._contain(take, instrument_id)


def detector(counters: Counters, *, attempt=None, onset=pick_onset) -> Detector:
    spec = StaLtaModel().spec
    return Detector(
        spec=spec,
        settings=DetectorSettings(
            hop_s=0.5,
            ring_s=60.0,
            max_future_s=60.0,
            component_wait_s=10.0,
            max_batch_windows=16,
            max_wait_s=1.0,
            max_latency_s=30.0,
        ),
        trigger_for=build.trigger_settings(CONFIG, spec),
        pick_onset=onset,
        counters=counters,
        attempt=attempt or Containment(counters),
    )


def run(stream, **options):
    """Results by instrument, without latencies; and the counters."""
    counters = Counters()
    pipe = Pipeline(detector=detector(counters, **options), model=StaLtaModel(), clock=DataClock())
    found = defaultdict(list)
    for result in [r for packet in stream for r in pipe.receive(packet)] + list(pipe.finish()):
        if isinstance(result, Gap):
            found[result.source_id.instrument].append(result)
        else:
            found[result.instrument_id].append(replace(result, latency=SAME))
    return found, counters


def two_stations(n_s=90, onsets=(40.0, 75.0)):
    streams = [packets(n_s, onsets, nslc=f"CX.PB0{n}..HHZ") for n in (1, 2)]
    return [packet for pair in zip(*streams, strict=True) for packet in pair]


def states(results):
    return [(r.state, r.reason) for r in results if isinstance(r, Detection)]


@pytest.mark.fault(50)
def test_a_packet_that_the_code_fails_on_is_a_gap_of_its_length_and_costs_the_others_nothing():
    stream = two_stations()
    expected, _ = run(stream)
    at = 2 * 50 + 1
    found, counters = run([*stream[:at], curse(stream[at]), *stream[at + 1 :]])
    assert found[GOOD] == expected[GOOD]
    (gap,) = [r for r in found[BAD] if isinstance(r, Gap)]
    assert (gap.start_ns, gap.end_ns) == (stream[at].start_ns, stream[at].end_ns)
    assert [(r.id, r.state) for r in found[BAD] if r != gap] == [(r.id, r.state) for r in expected[BAD]]
    assert counters.total("windows.dropped", station="CX.PB01") == 0
    assert counters.snapshot()[FAILED] == 1


@pytest.mark.fault(50)
def test_a_detection_that_is_on_ends_as_by_a_gap_and_the_next_one_is_found():
    stream = two_stations()
    at = 2 * 42 + 1
    found, _ = run([*stream[:at], curse(stream[at]), *stream[at + 1 :]])
    assert states(found[BAD]) == [("new", ""), ("end", "gap"), ("new", ""), ("end", "off")]
    new, end = [r for r in found[BAD] if isinstance(r, Detection)][:2]
    assert (end.id, end.revision) == (new.id, new.revision + 1)
    assert new.on_ns <= end.off_ns <= stream[at].end_ns


@pytest.mark.fault(50)
def test_an_onset_that_cannot_be_picked_costs_its_instrument_that_detection():
    """The picker fails on the louder station."""
    loud = [
        replace(p, samples=p.samples * 100) if p.source_id.instrument == BAD else p for p in two_stations()
    ]
    expected, _ = run(loud)

    def pick(samples, rate_hz):
        if np.abs(samples).max() > 50_000:
            raise ZeroDivisionError
        return pick_onset(samples, rate_hz)

    found, counters = run(loud, onset=pick)
    assert found[GOOD] == expected[GOOD]
    assert states(found[BAD]) == []
    assert counters.snapshot()[FAILED] >= 2


@pytest.mark.fault(50)
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_whatever_fails_at_one_station_the_others_go_on_and_its_messages_stay_in_order(seed):
    stream = two_stations(onsets=(25.0, 40.0, 44.0, 75.0))
    expected, _ = run(stream)
    counters = Counters()
    found, _ = run(stream, attempt=Saboteur(seed, counters))
    assert found[GOOD] == expected[GOOD]
    lives = defaultdict(list)
    for result in found[BAD]:
        if isinstance(result, Detection):
            lives[result.id].append(result)
    for life in lives.values():
        assert [message.revision for message in life] == list(range(len(life)))
        assert life[0].state == "new"
        assert [message.state in {"end", "retract"} for message in life[:-1]] == [False] * (len(life) - 1)
        assert life[-1].state in {"end", "retract"}


class Bench:
    """A worker on a detector that is contained, with positions."""

    def __init__(self, folder: Path) -> None:
        self.model, self.feed, self.queue = StaLtaModel(), KeptFeed(), PacketQueue(max_packets=10_000)
        self.positions = ResumeStore(folder / "positions.json")
        self.counters = Counters()
        self.detector = detector(self.counters)
        self.worker = Worker(
            pipeline=Pipeline(detector=self.detector, model=self.model, clock=DataClock()),
            queue=self.queue,
            spec=self.model.spec,
            open_feed=self.feed.open,
            received=self._note,
            watch=StationWatch(stale_after_s=None, min_interval_s=0.0),
            settings=FeedSettings(heartbeat_s=60.0, author="", agency="", is_replay=True),
        )

    def _note(self, packet) -> None:
        self.positions.note(packet, self.detector.rest_point(packet.source_id.instrument))
        self.positions.advance(packet.position)

    def read(self, stream) -> None:
        for packet in stream:
            self.queue.put(packet)
        self.queue.close()
        self.worker.run()


@pytest.mark.fault(50)
def test_where_everything_fails_the_worker_goes_on_and_no_restart_meets_the_same_data_for_ever(tmp_path):
    bench = Bench(tmp_path)
    started_ns = time.time_ns() - 120 * NS_PER_S
    good = list(packets(60, start_ns=started_ns, server="a"))
    bad = list(packets(60, start_ns=started_ns + 60 * NS_PER_S, server="a"))
    bad = [curse(replace(p, position=replace(p.position, sequence=60 + n))) for n, p in enumerate(bad)]
    with structlog.testing.capture_logs() as lines:
        bench.read([*good, *bad])
    assert bench.counters.total("instruments.failed") == 60
    (line,) = [line for line in lines if line["event"] == "instrument.failed"]
    assert isinstance(line["exc_info"], ZeroDivisionError)
    assert bench.worker.stations() in ({"gap": 1}, {"warming_up": 1})
    bench.positions.save()
    (saved,) = ResumeStore(tmp_path / "positions.json").positions("a")
    assert saved.sequence > 100


@pytest.mark.fault(27)
def test_a_lack_of_memory_ends_the_worker(tmp_path):
    stream = list(packets(30, server="a"))
    with pytest.raises(MemoryError):
        Bench(tmp_path).read([*stream[:20], curse(stream[20], Fatal)])


def test_a_step_that_goes_well_is_only_taken():
    counters = Counters()
    assert Containment(counters)(lambda: 7, GOOD) == 7
    assert counters.snapshot() == {}


@pytest.mark.parametrize("error", [MemoryError(), InferenceError("no GPU"), KeyboardInterrupt()])
def test_what_is_no_fault_in_any_data_goes_through(error):
    def step():
        raise error

    with pytest.raises(type(error)):
        Containment(Counters())(step, GOOD)


def test_each_place_is_told_with_its_traceback_once_an_hour_and_every_failure_counted():
    now_s = [0.0]
    contain = Containment(counters := Counters(), now_s=lambda: now_s[0])
    with structlog.testing.capture_logs() as lines:
        for now_s[0] in (0.0, 1.0, 3599.0, 3600.0):
            assert contain(lambda: 1 // 0, BAD) is None
            assert contain(lambda: 1 // 0, GOOD) is None  # another line of code
            assert contain(lambda: {}["none"]) is None  # will be tried again in parts
    assert [(line["instrument"], line["n_failures"]) for line in lines] == [
        ("CX.PB02.--.HH", 1),
        ("CX.PB01.--.HH", 1),
        ("CX.PB02.--.HH", 5),
        ("CX.PB01.--.HH", 1),
    ]
    assert {line["log_level"] for line in lines} == {"error"}
    assert counters.total("instruments.failed", reason="ZeroDivisionError") == 8
    assert counters.total("instruments.failed", reason="KeyError") == 0


@pytest.fixture
def server(demo_records):
    index = archive.index([demo_records], counters=Counters())
    server = ReplayServer(index, speed=0, restamp=False, wait_for_clients=1)
    server.start()
    yield server
    server.stop()


def wait_for_reason(folder: Path, reason: str) -> None:
    file, ticks = HealthFile(folder / "r" / "test.health.json"), threading.Event()
    deadline_s = time.monotonic() + DEADLINE_S
    while reason not in (health := file.read(time.time())).reasons:
        assert time.monotonic() < deadline_s, health
        ticks.wait(0.05)
    assert health.state == "degraded"


@pytest.mark.fault(50)
def test_the_program_serves_the_other_stations_says_what_it_fails_on_and_ends_well(
    program, server, demo_records, tmp_path
):
    """The installed program, with a bug that BW.UH2 meets in each of its packets."""
    config = configs.write(tmp_path, f"seedlink://{server.address}", source='streams = ["BW.UH?"]')
    buggy = (sys.executable, Path(__file__).with_name("buggy_program.py"), "BW.UH2")
    service = program("run", config, command=buggy)
    failed = service.event("instrument.failed")
    assert failed["instrument"] == "BW.UH2.--.SH"
    assert "ZeroDivisionError" in failed["exception"]
    assert server.wait_until_drained(DEADLINE_S)
    wait_for_reason(tmp_path, "the detector fails on data of BW.UH2 (ZeroDivisionError)")
    server.stop()
    service.event("seedlink.lost")  # the end of the connection comes after the last record
    assert service.stop(signal.SIGTERM) == 0
    counts = service.event("service.stopped")["counts"]
    n_records = (demo_records / "BW.UH2..SHZ.mseed").stat().st_size // 512
    assert counts["instruments.failed.ZeroDivisionError"] == n_records
    assert len(service.events("instrument.failed")) == 1
    scan = offline.Scan(offline.settings(None, paths=[demo_records], model="stalta"))
    expected = {body["id"] for body in scan.run() if body["station"] != "UH2"}
    assert {line["id"] for line in service.events("detection.new")} == expected
    saved = json.loads((tmp_path / "s" / "test.positions.json").read_text())["content"]["servers"]
    assert set(saved[server.address]["stations"]) == {f"BW.UH{n}" for n in (1, 2, 3, 4)}
