"""The file with the positions of SeedLink stations: trusted when whole, set aside when not."""

import json
from collections.abc import Iterator
from pathlib import Path

from quake_stream.counters import Key
from quake_stream.ingest import state_file
from quake_stream.ingest.resume import FORMAT, ResumeStore

_SERVER = "localhost:18000"


def seeds() -> Iterator[bytes]:
    """Give contents, for which `check` makes the checksum, and a whole file."""
    content = {"servers": {_SERVER: {"identity": "x", "stations": {"XX.AAA": [-1, 1_700_000_000 * 10**9]}}}}
    yield b"C" + json.dumps(content).encode()
    yield b"C" + json.dumps({"servers": {}}).encode()
    yield b"F" + b'{"format": "quake-stream/positions/1", "sha256": "", "content": 1}'


def check(data: bytes, folder: Path) -> None:
    """Read it or set it aside; either way it can be saved and read again."""
    path = folder / "positions.json"
    if data[:1] == b"C":
        try:
            state_file.save(path, FORMAT, json.loads(data[1:]))
        except (ValueError, RecursionError):
            return
    else:
        path.write_bytes(data[1:])
    store = ResumeStore(path)
    known = store.positions(_SERVER)
    if store.counts().get(Key("positions.refused", "corrupt")):
        assert not known
        assert not path.exists()
    for position in known:
        store.advance(position)
    store.save()
    assert {(p.network, p.station) for p in ResumeStore(path).positions(_SERVER)} >= {
        (p.network, p.station) for p in known
    }
