"""
Find the files of an archive that may hold what is wanted, by name alone.

SDS, the SeisComP data structure, names network, station, location, channel and day in each file:
YEAR/NET/STA/CHAN.D/NET.STA.LOC.CHAN.D.YEAR.DAY.  Files of other names are all candidates.
"""

import datetime as dt
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from quake_stream.errors import SourceError
from quake_stream.selection import StreamPattern, wanted
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

_SDS = re.compile(r"(\w*)\.(\w+)\.(\w*)\.(\w{3})\.D\.(\d{4})\.(\d{3})")
_DAY_NS = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    Which records are wanted: streams in ``include`` but not in ``exclude``, in a half-open interval.

    ``start_ns`` and ``end_ns`` are UTC; None is no bound.
    """

    include: Sequence[StreamPattern]
    exclude: Sequence[StreamPattern]
    start_ns: int | None = None
    end_ns: int | None = None

    def stream(self, source_id: SourceId) -> bool:
        """Whether records of this stream are wanted."""
        return wanted(source_id, self.include, self.exclude)

    def overlaps(self, start_ns: int, end_ns: int) -> bool:
        """Whether any of this interval is wanted; one of no duration counts as its start."""
        end_ns = max(end_ns, start_ns + 1)
        return (self.start_ns is None or end_ns > self.start_ns) and (
            self.end_ns is None or start_ns < self.end_ns
        )

    def file(self, name: str) -> bool:
        """Whether a file of this name may hold wanted records; only SDS names can say no."""
        match = _SDS.fullmatch(name)
        if match is None:
            return True
        network, station, location, channel, year, day = match.groups()
        try:
            source_id = SourceId.from_codes(network, station, location, channel)
            start = dt.datetime(int(year), 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=int(day) - 1)
        except (ValueError, OverflowError):
            return True
        day_ns = int(start.timestamp()) * NS_PER_S
        # A record may begin in the day before; a day of margin costs little.
        return self.stream(source_id) and self.overlaps(day_ns - _DAY_NS, day_ns + 2 * _DAY_NS)


def files_below(path: Path) -> Iterator[Path]:
    """
    Yield a file, or every file below a folder in the order of names, hidden ones left out.

    Linked folders are followed, each once.

    Raises
    ------
    SourceError
        The path does not exist or cannot be listed.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder")
    if not path.is_dir():
        yield path
        return
    visited: set[tuple[int, int]] = set()
    for folder, subfolders, names in os.walk(path, followlinks=True, onerror=_refuse):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in visited:
            subfolders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if not name.startswith(".") and file.is_file():
                yield file


def _refuse(error: OSError) -> None:
    raise SourceError(f"{error.filename}: {error.strerror}") from error
