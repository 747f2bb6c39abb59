"""The health report, which ``quake-stream health`` reads from another process."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from quake_stream.health import EXIT_CODES, HealthFile

_NOW_S = 1_700_000_000.0


def seeds() -> Iterator[bytes]:
    """Give what the file may hold."""
    yield b"{}"
    yield json.dumps({"state": "ok", "reasons": ["x"], "written_s": _NOW_S, "pid": 1}).encode()


def check(data: bytes, folder: Path) -> None:
    """Say how the service is doing in one line, whatever the file holds; what is read can be written."""
    file = HealthFile(folder / "fuzz.health.json")
    (folder / "fuzz.health.json").write_bytes(data)
    health = file.read(_NOW_S)
    assert health.state in EXIT_CODES
    assert health.state != "down" or all("\n" not in reason for reason in health.reasons)
    file.write(replace(health, pid=0))
