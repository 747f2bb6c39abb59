"""What a replay reads: recorded miniSEED in the order of record ends, and what it spans."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

from quake_stream.errors import SourceError
from quake_stream.mseed.archive import RecordIndex
from quake_stream.mseed.header import peek
from quake_stream.mseed.record import RecordError, RecordHeader
from quake_stream.source_id import SourceId


class Recording(Protocol):
    """Recorded miniSEED; `quake_stream.mseed.archive.RecordIndex` is one, `RecordList` another."""

    def iter_records(self) -> Iterator[tuple[bytes, RecordHeader]]:
        """Give all records, each time from the first, in the order of their ends."""
        ...


class RecordList:
    """Records in memory, put into the order of their ends."""

    def __init__(self, records: Iterable[bytes]) -> None:
        headed = [(record, peek(record)) for record in records]
        self._records = sorted(headed, key=lambda pair: pair[1].end_ns)

    def iter_records(self) -> Iterator[tuple[bytes, RecordHeader]]:
        """Give all records with their headers."""
        return iter(self._records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a recording spans; ``streams`` gives the first start of each (recorded times, UTC ns)."""

    first_ns: int
    first_end_ns: int
    last_ns: int
    streams: Mapping[SourceId, int]

    @classmethod
    def of(cls, recording: Recording) -> Self:
        """
        Look at all headers.

        Raises
        ------
        SourceError
            No record can be replayed, or a file cannot be read any more.
        """
        starts: dict[SourceId, int] = {}
        ends: list[int] = []
        for source_id, start_ns, end_ns in _spans(recording):
            starts[source_id] = min(start_ns, starts.get(source_id, start_ns))
            ends = [min(end_ns, *ends), max(end_ns, *ends)] if ends else [end_ns, end_ns]
        if not starts:
            raise SourceError("the recording holds no miniSEED record that could be replayed")
        return cls(first_ns=min(starts.values()), first_end_ns=ends[0], last_ns=ends[1], streams=starts)


def _spans(recording: Recording) -> Iterator[tuple[SourceId, int, int]]:
    """Stream, start and end of each record; an index knows them without reading the records."""
    if isinstance(recording, RecordIndex):
        rows = zip(
            recording.stream.tolist(), recording.start_ns.tolist(), recording.end_ns.tolist(), strict=True
        )
        yield from ((recording.streams[number], start_ns, end_ns) for number, start_ns, end_ns in rows)
        return
    for _, header in recording.iter_records():
        try:
            yield header.source_id, header.start_ns, header.end_ns
        except RecordError:
            continue  # counted when its turn to be sent comes
