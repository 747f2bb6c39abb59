"""
Hold what has been sent, so that clients come back by sequence or by time.  Pure.

Bounded in bytes: the oldest records go first.  Knows nothing of clients, sockets or clocks.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from quake_stream.source_id import SourceId

SEQUENCE_MASK = 0xFFFFFF  # SeedLink 3 has six hexadecimal digits

_ENTRY_BYTES = 300  # what Python keeps for one entry besides the record


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """
    One record in the ring.

    ``serial`` counts all records from 0; ``number`` is the sequence that clients of SeedLink 4 see, ``sequence``
    what is left of it in version 3.
    """

    serial: int
    number: int
    source_id: SourceId
    start_ns: int
    end_ns: int
    latest_ns: int  # latest end of this record and all before it, so that times can be searched
    record: bytes

    @property
    def sequence(self) -> int:
        """Sequence of 24 bits."""
        return self.number & SEQUENCE_MASK

    @property
    def packet(self) -> bytes:
        """The record behind its SeedLink 3 header."""
        return b"SL%06X" % self.sequence + self.record


class Ring:
    """
    The records sent last, in the order of sending.

    With ``is_shared`` all stations count in one sequence (as ringserver does), otherwise each in its own
    (as SeisComP does).
    """

    def __init__(self, *, max_bytes: int, is_shared: bool, first_sequence: int) -> None:
        self._max_bytes = max_bytes
        self._is_shared = is_shared
        self._first_sequence = first_sequence
        self._entries: deque[Entry] = deque()
        self._n_bytes = 0
        self._next_serial = 0
        self._next_number: dict[str, int] = {}
        self._serial_by_sequence: dict[tuple[str, int], int] = {}

    @property
    def oldest_serial(self) -> int:
        """Serial of the oldest record held, or `next_serial` where there is none."""
        return self._entries[0].serial if self._entries else self._next_serial

    @property
    def next_serial(self) -> int:
        """Serial that the next record will get."""
        return self._next_serial

    def __getitem__(self, serial: int) -> Entry:
        return self._entries[serial - self.oldest_serial]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def would_evict(self, n_bytes: int) -> bool:
        """Whether a record of this size would push out the oldest one."""
        return bool(self._entries) and self._n_bytes + n_bytes + _ENTRY_BYTES > self._max_bytes

    def append(self, record: bytes, source_id: SourceId, *, start_ns: int, end_ns: int) -> Entry:
        """Give the record its sequence and hold it; the oldest go where there is no room."""
        while self.would_evict(len(record)):
            self._evict()
        who = self._counter_of(source_id)
        number = self._next_number.get(who, self._first_sequence)
        entry = Entry(
            serial=self._next_serial,
            number=number,
            source_id=source_id,
            start_ns=start_ns,
            end_ns=end_ns,
            latest_ns=max(end_ns, self._entries[-1].latest_ns) if self._entries else end_ns,
            record=record,
        )
        self._entries.append(entry)
        self._n_bytes += len(record) + _ENTRY_BYTES
        self._next_serial += 1
        self._next_number[who] = number + 1
        self._serial_by_sequence[who, entry.sequence] = entry.serial
        return entry

    def reset_sequences(self) -> None:
        """Count from the first sequence again, as a server does that has lost its state."""
        self._next_number.clear()

    def find_sequence(self, source: tuple[str, str], sequence: int) -> Entry | None:
        """Find the newest record with this sequence of a station (network and station code)."""
        who = "" if self._is_shared else ".".join(source)
        serial = self._serial_by_sequence.get((who, sequence))
        return None if serial is None else self[serial]

    def find_number(self, source: tuple[str, str], number: int) -> Entry | None:
        """Find the record with this number, all bits of it, of a station (network and station code)."""
        entry = self.find_sequence(source, number & SEQUENCE_MASK)
        return entry if entry is not None and entry.number == number else None

    def find_time(self, time_ns: int, wants: Callable[[SourceId], bool]) -> int:
        """Find the first record, in the order of sending, that is wanted and ends after the time."""
        first = bisect_right(self._entries, time_ns, key=lambda entry: entry.latest_ns)
        for entry in islice(self._entries, first, None):
            if entry.end_ns > time_ns and wants(entry.source_id):
                return entry.serial
        return self._next_serial

    def _counter_of(self, source_id: SourceId) -> str:
        return "" if self._is_shared else f"{source_id.network}.{source_id.station}"

    def _evict(self) -> None:
        entry = self._entries.popleft()
        self._n_bytes -= len(entry.record) + _ENTRY_BYTES
        key = self._counter_of(entry.source_id), entry.sequence
        if self._serial_by_sequence.get(key) == entry.serial:
            del self._serial_by_sequence[key]
