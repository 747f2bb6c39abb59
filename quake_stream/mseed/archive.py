"""
Put the records of files, folders and SDS archives in the order in which they would have arrived.

Only headers are read, and of each record a few numbers are kept, so millions fit in memory.  Files are
read only; damage is counted and stepped over.
"""

import os
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.mseed.folders import Wanted, files_below
from quake_stream.mseed.header import peek
from quake_stream.mseed.record import RecordError, RecordHeader, Refusal
from quake_stream.mseed.scan import is_miniseed, records_in
from quake_stream.selection import StreamPattern, parse_streams
from quake_stream.source_id import SourceId

ALL_STREAMS = parse_streams("*.*.*.*")
_HEAD_BYTES = 65_536  # where a file in a folder must show a first record to be taken for miniSEED
# Columns of the index, with the type codes of `array`.
_COLUMNS = {"start_ns": "q", "end_ns": "q", "stream": "i", "file": "i", "offset": "q", "length": "i"}
_MAX_OPEN_FILES = 256  # a process may usually have 1024, and the service needs some for itself


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordIndex:
    """
    Where each record is, in the order of record ends.

    Arrays have one entry per record: ``start_ns`` and ``end_ns`` (UTC), ``stream`` (into ``streams``),
    ``file`` (into ``files``), ``offset`` and ``length`` (bytes).  Records that end together are ordered by
    source identifier, start, file and offset, so the order never depends on chance.
    """

    files: tuple[Path, ...]
    streams: tuple[SourceId, ...]
    start_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    stream: NDArray[np.int32]
    file: NDArray[np.int32]
    offset: NDArray[np.int64]
    length: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.end_ns)

    def iter_records(self) -> Iterator[tuple[bytes, RecordHeader]]:
        """
        Yield each record's bytes and header.

        Raises
        ------
        SourceError
            A file cannot be read any more, or has changed since it was indexed.
        """
        with _OpenFiles(self.files) as files:
            for number, offset, length in zip(self.file, self.offset, self.length, strict=True):
                record = files.read(int(number), int(offset), int(length))
                try:
                    header = peek(record)
                except RecordError as exc:
                    raise SourceError(f"{self.files[number]}: changed while it was being read") from exc
                yield record, header


def index(
    paths: Iterable[Path],
    *,
    counters: Counters,
    include: Sequence[StreamPattern] = ALL_STREAMS,
    exclude: Sequence[StreamPattern] = (),
    start_ns: int | None = None,
    end_ns: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> RecordIndex:
    """
    Index the records that are wanted.

    Parameters
    ----------
    paths
        miniSEED files, folders of them at any depth, SDS archives.
    counters
        Takes ``records.refused`` (by reason and station), ``bytes.skipped`` and ``files.skipped``.
    include, exclude, start_ns, end_ns
        Which records are wanted, as in `Wanted`.
    check
        Called often while files are read; what it raises ends the scan.

    Raises
    ------
    SourceError
        A path is missing, cannot be read or holds no miniSEED; or nothing in them is wanted.
    """
    paths = tuple(paths)
    table = _Table(
        Wanted(include=include, exclude=exclude, start_ns=start_ns, end_ns=end_ns), counters, check
    )
    for path in paths:
        if not table.add_path(path):
            raise SourceError(f"{path}: no miniSEED records in there")
    if not len(table):
        names = ", ".join(str(path) for path in paths)
        raise SourceError(f"{names}: no record of the wanted streams and times in there")
    return table.to_index()


class _OpenFiles:
    """Files held open while records are read from many of them in turn; the least used one is closed."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._open: OrderedDict[int, FileIO] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def read(self, number: int, offset: int, length: int) -> bytes:
        """Read bytes of the file of this number; raises SourceError."""
        try:
            file = self._open.get(number)
            if file is None:
                if len(self._open) >= _MAX_OPEN_FILES:
                    self._open.popitem(last=False)[1].close()
                file = self._open[number] = self._paths[number].open("rb", buffering=0)
            self._open.move_to_end(number)
            return os.pread(file.fileno(), length, offset)
        except OSError as exc:
            raise SourceError(f"{self._paths[number]}: {exc.strerror}") from exc


class _Table:
    """Rows of the index, in the order of discovery."""

    def __init__(self, wanted: Wanted, counters: Counters, check: Callable[[], None]) -> None:
        self._wanted = wanted
        self._counters = counters
        self._check = check
        self._seen: set[Path] = set()
        self._files: list[Path] = []
        self._streams: dict[SourceId, int] = {}
        # Number of the stream by format version and raw codes; None where it is not wanted.
        self._by_codes: dict[tuple[int, bytes], int | None] = {}
        self._columns = {name: array(code) for name, code in _COLUMNS.items()}

    def __len__(self) -> int:
        return len(self._columns["end_ns"])

    def add_path(self, path: Path) -> bool:
        """Add a file or folder; False if there is no miniSEED in it, wanted or not."""
        found = False
        for file in files_below(path):
            self._check()
            if file is path or self._wanted.file(file.name):
                found |= self._add_file(file, is_named=file is path)
            else:
                found = True
        return found

    def _add_file(self, file: Path, *, is_named: bool) -> bool:
        resolved = file.resolve()
        if resolved in self._seen:
            return True
        try:
            with file.open("rb") as stream:
                # A file that only lies in a folder may be anything; it is not searched to its end.
                if not is_named and not is_miniseed(stream.read(_HEAD_BYTES)):
                    self._counters.add("files.skipped", reason=Refusal.NOT_MINISEED)
                    return False
                if os.fstat(stream.fileno()).st_size == 0:
                    return False
                with mmap(stream.fileno(), 0, access=ACCESS_READ) as buffer:
                    self._seen.add(resolved)
                    return self._add_records(file, buffer)
        except OSError as exc:
            raise SourceError(f"{file}: {exc.strerror}") from exc

    def _add_records(self, file: Path, buffer: mmap) -> bool:
        number = len(self._files)
        self._files.append(file)
        found = False
        for offset, header in records_in(buffer, counters=self._counters, check=self._check):
            found = True
            stream = self._stream_of(header)
            if stream is None or not self._wanted.overlaps(header.start_ns, header.end_ns):
                continue
            row = (header.start_ns, header.end_ns, stream, number, offset, header.length)
            for column, value in zip(self._columns.values(), row, strict=True):
                column.append(value)
        return found

    def _stream_of(self, header: RecordHeader) -> int | None:
        """Look up the number of the record's stream; None if it is not wanted or illegible."""
        key = (header.version, header.codes)
        if key in self._by_codes:
            return self._by_codes[key]
        try:
            source_id = header.source_id
        except RecordError as exc:
            self._counters.add("records.refused", reason=exc.reason)
            return None
        number = None
        if self._wanted.stream(source_id):
            number = self._streams.setdefault(source_id, len(self._streams))
        self._by_codes[key] = number
        return number

    def to_index(self) -> RecordIndex:
        """Sort the rows by end, source identifier, start and place."""
        columns = {name: np.array(column) for name, column in self._columns.items()}
        names = np.array([str(source_id) for source_id in self._streams])
        rank = np.argsort(np.argsort(names))[columns["stream"]]
        # The last key sorts first.
        keys = (columns["offset"], columns["file"], columns["start_ns"], rank, columns["end_ns"])
        order = np.lexsort(keys)
        return RecordIndex(
            files=tuple(self._files),
            streams=tuple(self._streams),
            **{name: column[order] for name, column in columns.items()},
        )
