"""
Recordings as a source: records of files, folders and SDS archives, in the order of their ends.

It reads as fast as its packets are taken; the pace of real time is a replay server's affair.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from quake_stream.counters import Counters, Key
from quake_stream.mseed import archive
from quake_stream.mseed.decode import decode
from quake_stream.mseed.record import RecordError
from quake_stream.selection import StreamPattern
from quake_stream.types import Packet


class FileSource:
    """
    A source (`quake_stream.protocols.Source`) of recorded packets, each received at its own end.

    ``include`` and ``exclude`` choose streams, ``start_ns`` and ``end_ns`` (UTC) the whole records that
    overlap this half-open interval.  Counts ``records.refused`` by reason and station,
    ``records.leap_seconds``, ``bytes.skipped`` and ``files.skipped``.
    """

    def __init__(
        self,
        *,
        paths: Sequence[Path],
        include: Sequence[StreamPattern] = archive.ALL_STREAMS,
        exclude: Sequence[StreamPattern] = (),
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> None:
        self._paths = tuple(paths)
        self._include, self._exclude = include, exclude
        self._start_ns, self._end_ns = start_ns, end_ns
        self._index: archive.RecordIndex | None = None
        self._counters = Counters()
        self._stopped = threading.Event()
        self._n_read = 0
        self._progress = 0

    @property
    def name(self) -> str:
        """The first path, and how many more there are."""
        more = f" and {len(self._paths) - 1} more" if len(self._paths) > 1 else ""
        return f"{self._paths[0]}{more}"

    @property
    def n_records(self) -> int:
        """
        Records to read; 0 if stopped before they were counted.

        The first call reads all headers.

        Raises
        ------
        SourceError
            A path is missing, cannot be read or holds nothing that is wanted.
        """
        try:
            return len(self._indexed())
        except _StoppedError:
            return 0

    @property
    def n_read(self) -> int:
        """Records read so far, refused ones too."""
        return self._n_read

    def packets(self) -> Iterator[Packet]:
        """Yield packets in the order of record ends; raises SourceError as `n_records` does."""
        try:
            index = self._indexed()
        except _StoppedError:
            return
        for record, header in index.iter_records():
            if self._stopped.is_set():
                return
            self._progress += 1
            self._n_read += 1
            if header.is_leap_second:
                self._counters.add("records.leap_seconds", station=header.station)
            try:
                packet = decode(record, received_ns=header.end_ns, header=header)
            except RecordError as exc:
                self._counters.add("records.refused", reason=exc.reason, station=exc.station)
                continue
            yield packet

    def run(self, deliver: Callable[[Packet], None]) -> None:
        """Hand every packet to ``deliver`` until all are read or `stop` is called; raises SourceError."""
        for packet in self.packets():
            deliver(packet)

    def stop(self) -> None:
        """End `run` and `packets` at the next record, or the reading of headers."""
        self._stopped.set()

    def acknowledge(self, packet: Packet) -> None:
        """Do nothing: a recording has no position to keep."""

    def progress(self) -> int:
        """Count that grows with every record and every stretch of headers read."""
        return self._progress

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        return self._counters.snapshot()

    def _indexed(self) -> archive.RecordIndex:
        if self._index is None:
            self._index = archive.index(
                self._paths,
                counters=self._counters,
                include=self._include,
                exclude=self._exclude,
                start_ns=self._start_ns,
                end_ns=self._end_ns,
                check=self._check,
            )
        return self._index

    def _check(self) -> None:
        self._progress += 1
        if self._stopped.is_set():
            raise _StoppedError


class _StoppedError(Exception):
    """Ends the reading of headers."""
