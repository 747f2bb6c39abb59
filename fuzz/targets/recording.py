"""A file of miniSEED records: whatever lies between them is counted and stepped over."""

from collections.abc import Iterator
from pathlib import Path

from fuzz.made import records
from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.mseed.archive import index
from quake_stream.mseed.scan import is_miniseed, records_in


def seeds() -> Iterator[bytes]:
    """Give files of several records."""
    made = records()
    yield b"".join(made[:6])
    yield made[0] + b"noise" * 30 + made[1]


def check(data: bytes, folder: Path) -> None:
    """Account for every byte, as part of a record or as skipped."""
    counters = Counters()
    n_bytes = sum(header.length for _, header in records_in(data, counters=counters))
    assert n_bytes + counters.total("bytes.skipped") == len(data)
    is_miniseed(data[:512])
    path = folder / "recording.mseed"
    path.write_bytes(data)
    try:
        found = index([path], counters=Counters())
    except SourceError as refused:
        assert str(path) in str(refused)  # noqa: PT017  every message names the file
    else:
        assert len(found) > 0
