"""
Keep what was published, so that subscribers can have it again.  Never raises for a full or broken disk.

Append-only files in one folder, bounded by size and age.  A message is handed to the system before it is
sent, so it survives the death of the process; files are forced to the disk when they are complete and at
the end, so a power cut may cost the messages of the last seconds.  What is damaged is set aside.
"""

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from quake_stream.counters import Counters, Key
from quake_stream.publish.frames import decode_header
from quake_stream.publish.requests import Request
from quake_stream.publish.segment import MAGIC, DamageError, Entry, Segment, pack, scan
from quake_stream.safe_open import create_anew, open_to_mend, own_folder
from quake_stream.types import NS_PER_S

MAX_PAGE_MESSAGES: Final = 500  # some milliseconds of work
MAX_PAGE_BYTES: Final = 256 * 1024
MAX_SEGMENTS: Final = 4096  # each start begins one, and a service may be started in vain for weeks
MAX_SET_ASIDE: Final = 10
_MAX_ASIDE_BYTES: Final = 16 * 2**20  # of what follows the damage; somebody may want to look at it
_PARTS: Final = 8  # the oldest of so many files goes when the bound is reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Part of an answer: messages in order, whether the session is known, and what to ask for next."""

    entries: tuple[Entry, ...]
    is_found: bool
    more: Request | None


class Journal:
    """
    Write messages, and read them back in pages.

    One process writes to a folder at a time.

    Parameters
    ----------
    folder
        Where the files are; made when it is not there.
    max_bytes
        Size of all files together.
    max_age_s
        Age at which messages are forgotten.

    Attributes
    ----------
    problem
        Why the latest message could not be written; empty when all is well.
    """

    def __init__(self, folder: Path, *, max_bytes: int, max_age_s: float) -> None:
        self.problem = ""
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_age_ns = round(max_age_s * NS_PER_S)
        self._counters = Counters()
        self._segments: list[Segment] = []
        self._file: int | None = None  # descriptor of the last segment, while it is written to
        self._next_number = 1
        try:
            self._open()
        except OSError as error:
            self._fail(error)

    def append(self, time_ns: int, frames: Sequence[bytes]) -> None:
        """Write one message at a time (UTC); when that fails, it is counted and `problem` says why."""
        try:
            self._append(time_ns, frames)
        except OSError as error:
            self._fail(error)
            self._counters.add("messages.unjournalled", reason=errno.errorcode.get(error.errno or 0, ""))
        else:
            self.problem = ""

    def page(self, request: Request) -> Page:
        """Read what is asked for, as far as the journal has it and a page takes it."""
        entries: list[Entry] = []
        n_bytes = 0
        is_found = request.session is None or any(s.session == request.session for s in self._segments)
        for entry in self._matching(request, is_found=is_found):
            if len(entries) == MAX_PAGE_MESSAGES or n_bytes >= MAX_PAGE_BYTES:
                header = entry.header
                more = Request(
                    session=header.session,
                    first=header.sequence,
                    last=request.last,
                    since_ns=None if request.last else entry.time_ns,
                )
                return Page(entries=tuple(entries), is_found=is_found, more=more)
            entries.append(entry)
            n_bytes += entry.n_bytes
        return Page(entries=tuple(entries), is_found=is_found, more=None)

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        return self._counters.snapshot()

    def close(self) -> None:
        """Force the last file to the disk and close it; may be repeated."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # nothing more can be done about it
                os.fdatasync(self._file)
            os.close(self._file)
            self._file = None

    def _open(self) -> None:
        """Find out what earlier runs left."""
        own_folder(self._folder)
        for path in sorted(self._folder.glob("*.journal")):
            if not path.stem.isdecimal():
                continue
            self._next_number = int(path.stem) + 1
            try:
                segment, n_sound = scan(path)
                n_bytes = path.stat().st_size
            except OSError:
                self._counters.add("segments.unreadable")
                continue
            if segment is not None:
                self._segments.append(segment)
            if n_sound < n_bytes or segment is None:
                self._cut(path, n_sound if segment else 0)

    def _append(self, time_ns: int, frames: Sequence[bytes]) -> None:
        record = pack(time_ns, frames)
        header = decode_header(frames[1])
        if self._file is None or not self._segments[-1].is_next(header) or self._is_full(time_ns):
            self.close()
            self._prune(time_ns)
            self._file, path = self._create()
            self._segments.append(Segment.begin(path, header, time_ns))
        _write(self._file, record)
        self._segments[-1].add(len(record), time_ns)

    def _create(self) -> tuple[int, Path]:
        """Begin a file that nobody has had before; returns its descriptor and path."""
        own_folder(self._folder)
        path = self._folder / f"{self._next_number:012d}.journal"
        self._next_number += 1  # also when it fails, so that a file that is there is not tried for ever
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(path, flags, 0o640)
        try:
            _write(file, MAGIC)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        return file, path

    def _is_full(self, time_ns: int) -> bool:
        segment = self._segments[-1]
        return (
            segment.n_bytes >= self._max_bytes // _PARTS
            or time_ns - segment.first_ns >= self._max_age_ns // _PARTS
        )

    def _prune(self, time_ns: int) -> None:
        """Forget the oldest files, so that there is room for one more."""
        n_bytes = sum(segment.n_bytes for segment in self._segments)
        while self._segments:
            oldest = self._segments[0]
            is_old = time_ns - oldest.last_ns > self._max_age_ns
            too_many = len(self._segments) >= MAX_SEGMENTS
            if not is_old and not too_many and n_bytes <= self._max_bytes - self._max_bytes // _PARTS:
                return
            oldest.path.unlink(missing_ok=True)
            n_bytes -= oldest.n_bytes
            del self._segments[0]
            self._counters.add("segments.pruned")

    def _fail(self, error: OSError) -> None:
        """Note why it cannot be written, and leave a file behind that ends with a whole record."""
        self.problem = error.strerror or str(error)
        if self._file is None:
            return
        segment = self._segments[-1]
        with contextlib.suppress(OSError):  # what remains is found and cut at the next start
            os.ftruncate(self._file, segment.n_bytes)
        self.close()
        if segment.last < segment.first:
            self._segments.pop()
            with contextlib.suppress(OSError):
                segment.path.unlink(missing_ok=True)

    def _matching(self, request: Request, *, is_found: bool) -> Iterator[Entry]:
        if request.session is not None and is_found:
            found = self._from_message(request.session, request.first)
        elif request.since_ns is not None:
            found = self._since(request.since_ns)
        else:
            return
        for entry in found:
            header = entry.header
            if request.last is not None and (
                header.session != request.session or header.sequence > request.last
            ):
                return
            yield entry

    def _from_message(self, session: UUID, first: int) -> Iterator[Entry]:
        """Messages of a session from a sequence number on, then those of later sessions."""
        has_begun = False
        for segment in self._segments.copy():
            has_begun = has_begun or segment.session == session
            if has_begun:
                yield from self._sound(segment, first if segment.session == session else 1)

    def _since(self, since_ns: int) -> Iterator[Entry]:
        """All from the first message on that is not older; the clock may have been set back after it."""
        has_begun = False
        for segment in self._segments.copy():
            if not has_begun and segment.last_ns < since_ns:
                continue
            for entry in self._sound(segment, 1 if has_begun else segment.sequence_before(since_ns)):
                has_begun = has_begun or entry.time_ns >= since_ns
                if has_begun:
                    yield entry

    def _sound(self, segment: Segment, first: int) -> Iterator[Entry]:
        """Messages of one file up to where it is damaged, if it is."""
        try:
            yield from segment.read(first)
        except DamageError as damage:
            self._repair(segment, damage)
        except FileNotFoundError:
            self._counters.add("segments.unreadable")
            if segment is self._segments[-1]:
                self.close()  # what is written to a file without a name is lost
            self._segments = [other for other in self._segments if other is not segment]
        except OSError:  # such as no descriptor left: the next request may find it readable
            self._counters.add("segments.unreadable")

    def _repair(self, segment: Segment, damage: DamageError) -> None:
        """Keep what is before the damage; nothing more is written to the file."""
        if segment is self._segments[-1]:
            self.close()
        self._cut(damage.path, damage.offset)
        with contextlib.suppress(OSError):
            sound, _ = scan(damage.path)
            at = self._segments.index(segment)
            self._segments[at : at + 1] = [] if sound is None else [sound]

    def _cut(self, path: Path, n_sound: int) -> None:
        """Set aside what follows the sound part of a file, or all of it where there is none."""
        names = [path.with_name(f"{path.name}.damaged-{n}") for n in range(1, MAX_SET_ASIDE + 1)]
        aside = next((name for name in names if not name.exists()), names[-1])
        self._counters.add("segments.damaged")
        with contextlib.suppress(OSError):  # on a disk that takes nothing it stays as it is, and unused
            if n_sound == 0:
                path.replace(aside)
                return
            with open_to_mend(path) as file, create_anew(aside, mode=0o640) as kept:
                file.seek(n_sound)
                kept.write(file.read(_MAX_ASIDE_BYTES))
                file.truncate(n_sound)


def _write(file: int, data: bytes) -> None:
    """Write all or fail; a disk that fills up takes a part."""
    if os.write(file, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
