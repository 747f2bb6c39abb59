"""
Move recorded records into the ring when they are due.  Pure: the time is an argument.

Reads the recording one record ahead and no further.
"""

from quake_stream.counters import Counters
from quake_stream.mseed.header import peek
from quake_stream.mseed.record import RecordError, RecordHeader
from quake_stream.replay.faults import Faults
from quake_stream.replay.recording import Recording
from quake_stream.replay.repack import repack
from quake_stream.replay.restamp import shift_record
from quake_stream.replay.ring import Ring
from quake_stream.replay.schedule import Timetable


class Feed:
    """Offers the records of a recording by a timetable, once or in a loop."""

    def __init__(
        self,
        recording: Recording,
        ring: Ring,
        counters: Counters,
        *,
        timetable: Timetable,
        loop: bool,
        repack: bool,
        faults: Faults,
    ) -> None:
        self._recording = recording
        self._ring = ring
        self._counters = counters
        self._timetable = timetable
        self._loop = loop
        self._repack = repack
        self._faults = faults
        self._n_pass = 0
        self._n_offered = 0
        self._records = recording.iter_records()
        self._next = self._read()

    @property
    def is_finished(self) -> bool:
        """Whether all has been offered."""
        return self._next is None

    def offer(self, now_ns: int, *, limit: int, keep_serial: int | None = None) -> int | None:
        """
        Put up to ``limit`` records that are due into the ring.

        Records from ``keep_serial`` on are not pushed out of the ring: offering pauses instead.

        Returns
        -------
        int or None
            When the next record is due (UTC ns); None when there is none or the ring is full.
        """
        for _ in range(limit):
            if self._next is None:
                return None
            record, header = self._next
            due_ns = self._timetable.due_ns(header.end_ns, self._n_pass)
            if due_ns > now_ns:
                return due_ns
            is_kept = keep_serial is not None and self._ring.oldest_serial >= keep_serial
            if is_kept and self._ring.would_evict(len(record)):
                return None
            self._offer(record, header)
            self._next = self._read()
        return now_ns

    def _offer(self, record: bytes, header: RecordHeader) -> None:
        moved_ns = self._timetable.moved_ns(self._n_pass)
        try:
            source_id = header.source_id
            pieces = repack(record, header) if self._repack else [record]
        except RecordError as exc:
            self._counters.add("records.refused", reason=exc.reason, station=exc.station)
            return
        for piece in pieces:
            span = header if piece is record else peek(piece)
            self._ring.append(
                shift_record(piece, moved_ns) if moved_ns else piece,
                source_id,
                start_ns=span.start_ns + moved_ns,
                end_ns=span.end_ns + moved_ns,
            )
            self._n_offered += 1
            self._counters.add("records.offered")
            if self._faults.resets_sequences(self._n_offered):
                self._ring.reset_sequences()

    def _read(self) -> tuple[bytes, RecordHeader] | None:
        following = next(self._records, None)
        if following is None and self._loop:
            self._n_pass += 1
            self._records = self._recording.iter_records()
            following = next(self._records, None)
        return following
