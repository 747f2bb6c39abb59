"""Fixtures that many tests share."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Tests are no package, so what they share is found through the path.
sys.path.insert(0, str(Path(__file__).parent))

import schemas
from program import QUAKE_STREAM, Program

from quake_stream.publish import inbox
from quake_stream.publish.frames import Message

ROOT = Path(__file__).resolve().parent.parent

# No deadlines: a busy machine is no bug.  Where many wait for the result, the same examples every time.
hypothesis.settings.register_profile("default", deadline=None, max_examples=50)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=30, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real recordings beside the checkout; tests that need it are skipped without it."""
    folder = ROOT.parent / "shared"
    if not (folder / "waveforms").is_dir():
        pytest.skip("NOT RUN: the real recordings in ../shared are not here")
    return folder


@pytest.fixture(scope="session")
def demo_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with ObsPy's recordings of four stations as 512-byte records."""
    from quake_stream.replay import demo_data  # noqa: PLC0415  ObsPy loads slowly, and few tests need it

    folder = tmp_path_factory.mktemp("demo")
    demo_data.write_demo_records(folder)
    return folder


@pytest.fixture(autouse=True)
def _every_message_fits_its_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold whatever a subscriber in any test receives against the schema that it names."""
    decode = inbox.decode

    def checked(*args: Any, **options: Any) -> Message:
        message = decode(*args, **options)
        schemas.validate(message.body)
        return message

    monkeypatch.setattr(inbox, "decode", checked)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start the installed program: ``program("run", config)``; what still runs at the end is killed."""
    started: list[Program] = []
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    env = kept | {"XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "100", "OMP_NUM_THREADS": "1"}

    def start(*args: object, stdout: int | None = None, command: Sequence[object] = QUAKE_STREAM) -> Program:
        started.append(Program(*args, env=env, cwd=tmp_path, stdout=stdout, command=list(map(str, command))))
        return started[-1]

    yield start
    for one in started:
        one.close()
