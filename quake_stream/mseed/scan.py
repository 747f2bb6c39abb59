"""
Find the records in the bytes of a file, whatever lies between them.  Pure.

Damage is counted and stepped over, never passed on silently; samples stay undecoded.
"""

import re
from collections.abc import Callable, Iterator

from quake_stream.counters import Counters
from quake_stream.mseed.header import peek, record_length
from quake_stream.mseed.record import Buffer, RecordError, RecordHeader, Refusal

# Marks of version 3; sequence number and quality of version 2.  `peek` has the last word.
_MARK = re.compile(rb"MS\x03|[0-9 \0]{6}[DRQM][ \0]")
_MARK_BYTES = 8
_CHUNK_BYTES = 1 << 20  # the search looks up at least this often, some 20 ms apart
_CHECK_RECORDS = 1000


def records_in(
    buffer: Buffer, *, counters: Counters, check: Callable[[], None] = lambda: None
) -> Iterator[tuple[int, RecordHeader]]:
    """
    Yield the offset and the header of every whole record in a buffer.

    Counts ``records.refused`` (by reason and station) for each record that is damaged and for each
    stretch of other bytes, and ``bytes.skipped``.  ``check`` is called often; what it raises ends the
    scan.
    """
    offset, n_records = 0, 0
    while offset < len(buffer):
        if n_records % _CHECK_RECORDS == 0:
            check()
        n_records += 1
        try:
            header = _whole(buffer, offset)
        except RecordError as exc:
            counters.add("records.refused", reason=exc.reason, station=exc.station)
            following = _after_damage(buffer, offset, check)
            counters.add("bytes.skipped", following - offset)
            offset = following
        else:
            yield offset, header
            offset += header.length


def is_miniseed(head: bytes) -> bool:
    """Whether the first bytes of a file show a record, or the volume header of a full SEED file."""
    if head[6:8] == b"V ":
        return True
    for mark in _MARK.finditer(head):
        try:
            peek(head, mark.start())
        except RecordError as exc:
            if exc.reason is Refusal.UNKNOWN_LENGTH:
                return True
        else:
            return True
    return False


def _whole(buffer: Buffer, offset: int) -> RecordHeader:
    header = peek(buffer, offset)
    n_left = len(buffer) - offset
    if header.length > n_left:
        raise RecordError(Refusal.TRUNCATED, f"{n_left} of {header.length} bytes", station=header.station)
    return header


def _after_damage(buffer: Buffer, offset: int, check: Callable[[], None]) -> int:
    """Offset behind a damaged record that states its length, else of the next mark or the end."""
    try:
        length = record_length(buffer, offset)
    except RecordError:
        length = None
    if length is not None and offset + length <= len(buffer):
        return offset + length
    at = offset + 1
    while at < len(buffer):
        check()
        # Chunks overlap by a mark, so that none is cut in two.
        mark = _MARK.search(buffer, at, at + _CHUNK_BYTES + _MARK_BYTES)
        if mark is not None:
            return mark.start()
        at += _CHUNK_BYTES
    return len(buffer)
