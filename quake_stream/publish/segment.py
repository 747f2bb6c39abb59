"""
One file of the journal: messages of one session in a row, each framed by its length and a checksum.

A record is length and CRC-32 (4 bytes each, big endian) of what follows: the time of writing (UTC ns, 8),
the length of the topic (1), header (24), topic and body.  What does not match is never read as a message.
"""

import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from quake_stream.publish.frames import (
    MAX_BODY_BYTES,
    MAX_TOPIC_BYTES,
    Header,
    WireError,
    decode_envelope,
    decode_header,
)
from quake_stream.safe_open import open_regular

MAGIC: Final = b"quake-stream journal 1\n"
_CHECK: Final = struct.Struct(">II")
_START: Final = struct.Struct(">qB24s")
_MAX_LENGTH: Final = _START.size + MAX_TOPIC_BYTES + MAX_BODY_BYTES
_MARK_EVERY: Final = 64  # records; a reader passes over fewer than this before the one it wants


class DamageError(Exception):
    """From ``offset`` on, ``path`` does not hold what was written."""

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(f"{path} is damaged at byte {offset}")
        self.path = path
        self.offset = offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message as it is in the journal, with the time (UTC) at which it was written."""

    time_ns: int
    header: Header
    frames: tuple[bytes, ...]
    n_bytes: int  # of its record in the file


@dataclass(slots=True, kw_only=True)
class Segment:
    """What is known of a file without reading it: which messages it holds, and where."""

    path: Path
    session: UUID
    first: int
    last: int
    first_ns: int
    last_ns: int
    n_bytes: int = len(MAGIC)
    marks: list[int] = field(default_factory=list)  # offsets of every 64th record
    mark_times: list[int] = field(default_factory=list)  # and their times (UTC ns)

    @classmethod
    def begin(cls, path: Path, header: Header, time_ns: int) -> "Segment":
        """Describe a file that is empty but for its first line; `add` its first message next."""
        n = header.sequence
        return cls(path=path, session=header.session, first=n, last=n - 1, first_ns=time_ns, last_ns=time_ns)

    def is_next(self, header: Header) -> bool:
        """Whether a message follows the last one, so that this file may take it."""
        return header.session == self.session and header.sequence == self.last + 1

    def add(self, n_bytes: int, time_ns: int) -> None:
        """Note the next message."""
        self.last += 1
        if (self.last - self.first) % _MARK_EVERY == 0:
            self.marks.append(self.n_bytes)
            self.mark_times.append(time_ns)
        self.n_bytes += n_bytes
        self.last_ns = time_ns

    def sequence_before(self, time_ns: int) -> int:
        """Give a sequence number from which reading does not miss what was written at a time (UTC) or later."""
        return self.first + _MARK_EVERY * max(0, bisect_left(self.mark_times, time_ns) - 1)

    def read(self, first: int) -> Iterator[Entry]:
        """
        Give its messages from sequence number ``first`` on.

        Raises
        ------
        DamageError
            The file has changed since it was written.
        OSError
            It cannot be read.
        """
        mark = max(0, first - self.first) // _MARK_EVERY
        if mark >= len(self.marks):
            return
        expected = self.first + mark * _MARK_EVERY
        offset = self.marks[mark]
        with open_regular(self.path) as file:
            file.seek(offset)
            for sequence in range(expected, self.last + 1):
                entry = _read(file)
                if entry is None or entry.header != Header(session=self.session, sequence=sequence):
                    raise DamageError(self.path, offset)
                offset += entry.n_bytes
                if sequence >= first:
                    yield entry


def pack(time_ns: int, frames: Sequence[bytes]) -> bytes:
    """Write the record of a message."""
    topic, header, body = frames
    content = _START.pack(time_ns, len(topic), header) + topic + body
    return _CHECK.pack(len(content), zlib.crc32(content)) + content


def scan(path: Path) -> tuple[Segment | None, int]:
    """
    Read a file of an earlier run; returns what it holds and how many bytes of it are sound.

    The segment is None where there is no message in it.  Raises OSError.
    """
    with open_regular(path) as file:
        if file.read(len(MAGIC)) != MAGIC:
            return None, 0
        segment = None
        while (entry := _read(file)) is not None:
            if segment is None:
                segment = Segment.begin(path, entry.header, entry.time_ns)
            if not segment.is_next(entry.header):
                break
            segment.add(entry.n_bytes, entry.time_ns)
    return segment, segment.n_bytes if segment else len(MAGIC)


def _read(file: BinaryIO) -> Entry | None:
    """Read the next record; None where there is no sound one."""
    check = file.read(_CHECK.size)
    if len(check) < _CHECK.size:
        return None
    length, checksum = _CHECK.unpack(check)
    if not _START.size <= length <= _MAX_LENGTH:
        return None
    content = file.read(length)
    if len(content) < length or zlib.crc32(content) != checksum:
        return None
    time_ns, n_topic, header = _START.unpack_from(content)
    split = _START.size + n_topic
    frames = (content[_START.size : split], header, content[split:])
    try:
        decode_envelope(frames)
    except WireError:
        return None
    return Entry(time_ns=time_ns, header=decode_header(header), frames=frames, n_bytes=_CHECK.size + length)
