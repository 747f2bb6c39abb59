"""A restart equals no restart: what a new process tells of a stretch of data is what the old one would have told."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import swarms

from quake_stream import build
from quake_stream.clock import DataClock
from quake_stream.config import Config, parse
from quake_stream.counters import Counters
from quake_stream.ingest.resume import ResumeStore
from quake_stream.pipeline import Pipeline
from quake_stream.protocols import Model
from quake_stream.replay.demo_data import KNOWN_EVENTS
from quake_stream.types import NS_PER_S, Detection, Latency, Packet, Position

SERVER = "host:18000"
NO_TIME = Latency(data_s=0.0, queue_s=0.0, inference_s=0.0)


class Server:
    """All records of a recording in the order of their ends, each with its place in its station's sequence."""

    def __init__(self, config: Config) -> None:
        sequences: dict[tuple[str, str], int] = {}
        self.packets: list[Packet] = []
        for packet in build.archive(config).packets():
            source_id = packet.source_id
            station = source_id.network, source_id.station
            sequences[station] = sequences.get(station, 0) + 1
            position = Position(
                server=SERVER,
                network=station[0],
                station=station[1],
                sequence=sequences[station],
                start_ns=packet.start_ns,
            )
            self.packets.append(replace(packet, position=position))

    def after(self, positions: Iterable[Position], stop: int) -> Iterator[Packet]:
        """Give what follows the positions, of the first so many packets, and all of stations without one."""
        read = {(p.network, p.station): p.sequence for p in positions}
        for packet in self.packets[:stop]:
            position = packet.position
            assert position
            if position.sequence > read.get((position.network, position.station), 0):
                yield packet


class Process:
    """Detector and model of one run of the service."""

    def __init__(self, config: Config, model: Model, path: Path) -> None:
        self.store = ResumeStore(path)
        detector = build.detector(config, model.spec, Counters(), positions=self.store)
        self.pipeline = Pipeline(detector=detector, model=model, clock=DataClock())
        self.told: list[Detection] = []

    def run(self, server: Server, stop: int) -> None:
        """Read until so many packets have been recorded, and be killed in the middle of things."""
        for n_done, packet in enumerate(server.after(self.store.positions(SERVER), stop)):
            self.told += [r for r in self.pipeline.receive(packet) if isinstance(r, Detection)]
            assert packet.position
            self.store.note(packet, self.pipeline.detector.rest_point(packet.source_id.instrument))
            self.store.advance(packet.position)
            if n_done % 7 == 0:  # not at each, as the service saves every few seconds
                self.store.save()

    def run_to_the_end(self, server: Server) -> None:
        self.run(server, len(server.packets))
        self.told += self.pipeline.finish()


def config_for(folder: Path, *streams: str, **sections: object) -> Config:
    source = {"url": folder.as_uri(), "streams": streams or ("*.*.*.*",)}
    return parse({"source": [source], **sections}, name="test")


def without_times(detections: Iterable[Detection]) -> list[Detection]:
    return [replace(d, latency=NO_TIME) for d in detections]


def assert_cuts_change_nothing(config: Config, path: Path, server: Server, cuts: list[int]) -> None:
    model = build.model(config)
    whole = Process(config, model, path.with_name("whole.json"))
    whole.run_to_the_end(server)
    expected = without_times(whole.told)
    assert expected
    told: list[Detection] = []
    for cut in cuts:
        process = Process(config, model, path)
        process.run(server, cut)
        told += without_times(process.told)
    process = Process(config, model, path)
    process.run_to_the_end(server)
    told += without_times(process.told)
    assert [d for d in told if d not in expected] == []
    assert [d for d in expected if d not in told] == []


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return swarms.write(tmp_path_factory.mktemp("restart") / "swarm")


TRIGGERS = {
    "as shipped": {},
    "short": {"max_duration_s": 10.0},  # so that detections are held off after it
    "apart": {"refractory_s": 20.0, "update_interval_s": 0.5},
}


@pytest.mark.fault(34)
@pytest.mark.parametrize("trigger", TRIGGERS.values(), ids=TRIGGERS)
def test_a_process_killed_at_any_packet_loses_doubles_and_changes_no_detection(
    swarm: Path, tmp_path: Path, trigger: dict[str, float]
) -> None:
    config = config_for(swarm, model={"name": "stalta"}, trigger=trigger)
    server = Server(config)
    cuts = np.linspace(0, len(server.packets), 11)[1:-1].astype(int).tolist()
    assert_cuts_change_nothing(config, tmp_path / "positions.json", server, cuts)


@pytest.mark.fault(34)
def test_the_network_finds_the_same_in_real_earthquakes(demo_records: Path, tmp_path: Path) -> None:
    """Its features need the background of each window too, which a new process must hear again."""
    config = config_for(demo_records, "BW.UH3", model={"name": "lstm"})
    server = Server(config)
    (clear, *_) = sorted(min(e.p_arrivals_ns.values()) for e in KNOWN_EVENTS if e.is_clear)
    ends_ns = [packet.end_ns for packet in server.packets]
    cuts = [bisect_right(ends_ns, clear + s * NS_PER_S) for s in (2, 130)]
    assert_cuts_change_nothing(config, tmp_path / "positions.json", server, cuts)
