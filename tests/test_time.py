"""Neither time zone nor calendar bears on a detection: all times are UTC."""

import datetime as dt
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import configs
import pytest
import swarms
from bodies import comparable
from hand_server import HandServer
from listener import Listener
from program import DEADLINE_S, Program

from quake_stream import offline
from quake_stream.types import NS_PER_S


@pytest.fixture
def run_in(tmp_path: Path) -> Iterator[Callable[[str, Path], Program]]:
    """Start the service in a time zone: ``run_in("Pacific/Apia", config)``."""
    started: list[Program] = []

    def start(zone: str, config: Path) -> Program:
        env = os.environ | {"TZ": zone, "OMP_NUM_THREADS": "1"}
        started.append(Program("run", config, env=env, cwd=tmp_path))
        return started[-1]

    yield start
    for one in started:
        one.close()


def wait_for_positions(path: Path, n: int) -> None:
    """Wait until so many stations are in the file; those that are not begin anew after a kill."""
    ticks = threading.Event()
    for _ in range(round(DEADLINE_S / 0.05)):
        if path.exists():
            servers = json.loads(path.read_text())["content"]["servers"].values()
            if sum(len(server["stations"]) for server in servers) == n:
                return
        ticks.wait(0.05)
    raise AssertionError(path.read_text())


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("zone", "start"),
    [
        # A leap year ends, which in Apia it did half a day before.
        ("Pacific/Apia", dt.datetime(2024, 12, 31, 23, 55, 0, 300_000, tzinfo=dt.UTC)),
    ],
)
def test_the_time_zone_of_the_host_and_the_calendar_change_no_detection(
    run_in: Callable[[str, Path], Program], tmp_path: Path, zone: str, start: dt.datetime
) -> None:
    folder = swarms.write(tmp_path / "swarm", start_ns=round(start.timestamp() * 10) * NS_PER_S // 10)
    scan = offline.Scan(offline.settings(None, paths=[folder], model="stalta"))
    expected = {comparable(body) for body in scan.run()}
    server = HandServer(folder)
    listener = Listener(f"ipc://{tmp_path}/feed")
    try:
        publish = {"bind": f"ipc://{tmp_path}/feed"}
        config = configs.write(tmp_path, f"seedlink://{server.address}", publish=publish)
        service = run_in(zone, config)
        service.event("seedlink.connected")
        server.advance(swarms.DURATION_S / 2)
        assert listener.wait_for(lambda: len(listener.told()) > len(expected) // 4)
        wait_for_positions(tmp_path / "s" / "test.positions.json", n=len(server.stations))
        assert service.stop(signal.SIGKILL) == -signal.SIGKILL
        service = run_in(zone, config)  # it asks for what it missed by the time
        server.advance(swarms.DURATION_S)
        assert listener.wait_for(lambda: expected <= listener.told())
        assert service.stop(signal.SIGTERM) == 0
    finally:
        server.stop()
        listener.close()
    assert listener.told() == expected
    onsets = [str(body["onset_time"]) for body in map(json.loads, expected)]
    assert {onset[:4] for onset in onsets} == {f"{start:%Y}", f"{start + dt.timedelta(minutes=9):%Y}"}
    assert all(onset.endswith("Z") for onset in onsets)
