"""Recordings of the demo, a server for them, and a configuration that reads it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quake_stream.config import Config, parse
from quake_stream.counters import Counters
from quake_stream.mseed import archive
from quake_stream.replay import demo_data
from quake_stream.replay.server import ReplayServer
from quake_stream.types import NS_PER_S


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    demo_data.write_demo_records(folder)
    return folder


@pytest.fixture
def server(demo_folder: Path) -> Iterator[ReplayServer]:
    """Last 15 s of the demo, at once for the first client that asks, as if they ended now."""
    end_ns = int(archive.index([demo_folder], counters=Counters()).end_ns.max())
    recording = archive.index([demo_folder], counters=Counters(), start_ns=end_ns - 15 * NS_PER_S)
    with ReplayServer(recording, speed=0, wait_for_clients=1) as replay:
        yield replay


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., Config]:
    """Build a configuration from sources and sections; torch is not needed for its model."""

    def make(*sources: dict[str, object], **sections: dict[str, object]) -> Config:
        data = {
            "source": list(sources),
            "model": {"name": "stalta"},
            "publish": {"bind": "tcp://127.0.0.1:*"},
            "metrics": {"bind": ""},
            "service": {"state_dir": str(tmp_path / "state"), "runtime_dir": str(tmp_path)},
        }
        return parse(data | sections, name="test.toml")

    return make
