"""
Cut the bytes of a SeedLink server into reply lines and packets, however they were split.  Pure.

SeedLink 3 packets have no length field: 8 bytes of header, then one miniSEED record, whose own header says
how long it is.  After the first byte that fits nowhere, nothing later can be trusted: the caller must
connect anew.  Never guesses where the next record starts.
"""

import enum
import re
from typing import NamedTuple

from quake_stream.mseed.header import record_length
from quake_stream.mseed.record import RecordError, Refusal

HEAD_BYTES = 8
LEGACY_RECORD_BYTES = 512  # SeedLink 3 before blockette 1000 was heeded: every record had 512 bytes
MAX_LINE_BYTES = 4096
MAX_STUCK = 3

_HEX = re.compile(rb"[0-9A-Fa-f]{6}")


class Kind(enum.Enum):
    """What a packet is."""

    DATA = enum.auto()
    INFO = enum.auto()
    END = enum.auto()
    ERROR = enum.auto()


class Frame(NamedTuple):
    """One packet: its 8-byte header and its record, both empty for END and ERROR."""

    kind: Kind
    head: bytes = b""
    record: bytes = b""

    @property
    def sequence(self) -> int:
        """Sequence number of a data packet, 24 bits."""
        return _sequence(self.head)

    @property
    def is_last(self) -> bool:
        """Whether this ends an answer to INFO."""
        return self.head[7:8] != b"*"


class DesyncError(Exception):
    """The bytes are no packet; ``sequence`` is that of the offending one, if its header was legible."""

    def __init__(self, detail: str, sequence: int | None = None) -> None:
        super().__init__(detail)
        self.sequence = sequence


class Inbox:
    """Bytes received and not used yet, of SeedLink 3; holds at most one packet and one read more."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what came from the socket."""
        self._buffer += data

    def line(self) -> bytes | None:
        """
        Take one reply line without its end; None while it is not complete.  Empty lines are skipped.

        Raises
        ------
        DesyncError
            No line end within 4096 bytes: that is no reply.
        """
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).strip(b"\r")
            del self._buffer[: end + 1]
            if line:
                return line
        if len(self._buffer) > MAX_LINE_BYTES:
            raise DesyncError(f"no line end in {MAX_LINE_BYTES} bytes")
        return None

    def frame(self) -> Frame | None:
        """
        Take one packet; None while it is not complete.

        Raises
        ------
        DesyncError
            The bytes are no packet.
        """
        buffer = self._buffer
        if buffer[:2] != b"SL":
            return self._short_frame(b"SL")
        if len(buffer) < HEAD_BYTES:
            return None
        head = bytes(buffer[:HEAD_BYTES])
        kind = Kind.INFO if head[:6] == b"SLINFO" else Kind.DATA
        if kind is Kind.DATA and not _HEX.fullmatch(head, 2):
            raise DesyncError(f"sequence {head[2:]!r}")
        length = self._record_bytes(head if kind is Kind.DATA else None)
        if length is None or len(buffer) < HEAD_BYTES + length:
            return None
        with memoryview(buffer) as view:
            record = bytes(view[HEAD_BYTES : HEAD_BYTES + length])
        del buffer[: HEAD_BYTES + length]
        return Frame(kind, head, record)

    def _short_frame(self, signature: bytes) -> Frame | None:
        start = bytes(self._buffer[:HEAD_BYTES])
        for mark, kind in ((b"END", Kind.END), (b"ERROR", Kind.ERROR)):
            if start.startswith(mark):
                return Frame(kind)
        if not any(mark.startswith(start) for mark in (b"END", b"ERROR", signature)):
            raise DesyncError(f"{start!r} is no packet header")
        return None

    def _record_bytes(self, head: bytes | None) -> int | None:
        try:
            return record_length(self._buffer, HEAD_BYTES)
        except RecordError as exc:
            if exc.reason is Refusal.UNKNOWN_LENGTH:
                return LEGACY_RECORD_BYTES
            raise DesyncError(str(exc), _sequence(head) if head else None) from exc


def _sequence(head: bytes) -> int:
    return int(head[2:], base=16)  # noqa: FURB166  "SL" is no prefix that int() knows


class StuckRecord:
    """
    Notice that the same record breaks the stream again and again, so that it can be skipped.

    A new connection resumes at the record that broke the old one: without this the loop is endless.
    """

    def __init__(self) -> None:
        self._sequence: int | None = None
        self._n_times = 0

    def is_stuck(self, sequence: int) -> bool:
        """Note one more desync at this sequence number; True at the third in a row, which starts anew."""
        self._n_times = self._n_times + 1 if sequence == self._sequence else 1
        self._sequence = sequence
        if self._n_times < MAX_STUCK:
            return False
        self._n_times = 0
        return True
