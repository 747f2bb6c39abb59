"""
Read the header of one miniSEED record, version 2 or 3, without decoding its samples.  Pure.

Enough to cut a byte stream into records and to know whose they are, in a few microseconds.  Whatever the
bytes are, nothing but `RecordError` is raised.  Layouts: SEED 2.4 manual, chapter 8 (fixed section of the
data header, blockettes 100, 1000, 1001), and https://docs.fdsn.org/projects/miniseed3.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from quake_stream.mseed.record import (
    MAX_RECORD_BYTES,
    MIN_RECORD_BYTES,
    Buffer,
    RecordError,
    RecordHeader,
    Refusal,
    checked_rate_hz,
    is_day,
    station_of,
    time_ns,
)
from quake_stream.types import NS_PER_S

_V2_BE, _V2_LE = (struct.Struct(order + "8x12sHHBBBxHHhhBBBxlHH") for order in "><")
_LINK_BE, _LINK_LE = struct.Struct(">HH"), struct.Struct("<HH")
_RATE_BE, _RATE_LE = struct.Struct(">f"), struct.Struct("<f")
_V3 = struct.Struct("<3xBIHHBBBBdIIBBHI")
_STEIM = frozenset({10, 11, 19})


def record_length(buffer: Buffer, offset: int = 0) -> int | None:
    """
    Say how many bytes the record at ``offset`` has; None as long as too few bytes are there to know.

    Raises
    ------
    RecordError
        ``not_miniseed``, ``bad_header`` (absurd length or blockettes) or ``unknown_length`` (version 2
        without blockette 1000: on SeedLink 3 such a record has 512 bytes).
    """
    try:
        if _version(buffer, offset) == 3:
            return _v3(buffer, offset).length
        fixed, big_endian = _v2(buffer, offset)
        length = _blockettes(buffer, offset, fixed.link, big_endian=big_endian, until_length=True).length
    except _NeedMoreError:
        return None
    if length is None:
        raise RecordError(Refusal.UNKNOWN_LENGTH, "no blockette 1000")
    return length


def peek(buffer: Buffer, offset: int = 0) -> RecordHeader:
    """
    Read the header of the record at ``offset``; the buffer may end before the samples do.

    A version 2 record without blockette 1000 is taken to end where the next record starts or where the
    buffer ends, if that is a power of two away.

    Raises
    ------
    RecordError
        ``not_miniseed``, ``truncated`` (within the header), ``bad_header``, ``unknown_length``,
        ``bad_time`` or ``bad_rate``.
    """
    codes = b""
    version = 2
    try:
        version = _version(buffer, offset)
        if version == 3:
            v3 = _v3(buffer, offset)
            codes = v3.codes
            return _header_v3(v3)
        v2, big_endian = _v2(buffer, offset)
        codes = v2.codes
        return _header_v2(v2, buffer, offset, big_endian=big_endian)
    except _NeedMoreError as exc:
        raise RecordError(Refusal.TRUNCATED, "header cut", station=station_of(version, codes)) from exc
    except RecordError as exc:
        exc.station = station_of(version, codes)
        raise


class _V2Fixed(NamedTuple):
    """Fixed section of a version 2 data header, without sequence number and quality."""

    codes: bytes
    year: int
    day: int
    hour: int
    minute: int
    second: int
    tick: int  # of 100 µs
    n_samples: int
    rate_factor: int
    rate_multiplier: int
    activity: int
    clock: int
    quality: int
    correction: int  # of 100 µs
    data_offset: int
    link: int  # to the first blockette


class _V3Fixed(NamedTuple):
    """Fixed section of a version 3 header, without checksum and publication version; plus what follows."""

    flags: int
    nanosecond: int
    year: int
    day: int
    hour: int
    minute: int
    second: int
    encoding: int
    rate: float
    n_samples: int
    codes: bytes
    data_offset: int
    length: int


@dataclass(slots=True)
class _Blockettes:
    length: int | None = None
    encoding: int | None = None
    is_data_big_endian: bool | None = None
    sample_rate_hz: float = 0.0
    microseconds: int = 0
    timing_quality: int | None = None
    end: int = 0  # offset behind the last link and the first four bytes after it


class _NeedMoreError(Exception):
    """The buffer ends before the header does."""


def _version(buffer: Buffer, offset: int) -> int:
    """Tell the format version by its marks."""
    head = bytes(buffer[offset : offset + 8])
    if head[:3] == b"MS\x03":
        return 3
    if len(head) < 8:
        raise _NeedMoreError
    if head[6:7] in b"DRQM" and head[7:] in b" \0" and not head[:6].strip(b"0123456789 \0"):
        return 2
    raise RecordError(Refusal.NOT_MINISEED)


def _v2(buffer: Buffer, offset: int) -> tuple[_V2Fixed, bool]:
    """Read the fixed section and whether it is big endian: by the date, else by the first link."""
    if len(buffer) - offset < _V2_BE.size:
        raise _NeedMoreError
    fixed = _V2Fixed._make(_V2_BE.unpack_from(buffer, offset))
    if is_day(fixed.year, fixed.day):
        return fixed, True
    swapped = _V2Fixed._make(_V2_LE.unpack_from(buffer, offset))
    if is_day(swapped.year, swapped.day) or swapped.link < fixed.link:
        return swapped, False
    return fixed, True


def _v3(buffer: Buffer, offset: int) -> _V3Fixed:
    if len(buffer) - offset < _V3.size:
        raise _NeedMoreError
    fields = _V3.unpack_from(buffer, offset)
    n_codes, n_extra, n_data = fields[12:]
    data_offset = _V3.size + n_codes + n_extra
    if data_offset + n_data > MAX_RECORD_BYTES:
        raise RecordError(Refusal.BAD_HEADER, f"record of {data_offset + n_data} bytes")
    at = offset + _V3.size
    codes = bytes(buffer[at : at + n_codes])
    if len(codes) < n_codes:
        raise _NeedMoreError
    return _V3Fixed._make((*fields[:10], codes, data_offset, data_offset + n_data))


def _header_v2(fixed: _V2Fixed, buffer: Buffer, offset: int, *, big_endian: bool) -> RecordHeader:
    found = _blockettes(buffer, offset, fixed.link, big_endian=big_endian)
    start_ns = time_ns(fixed.year, fixed.day, fixed.hour, fixed.minute, fixed.second)
    start_ns += fixed.tick * 100_000 + found.microseconds * 1000
    if not fixed.activity & 0x02:  # time correction not yet applied
        start_ns += fixed.correction * 100_000
    length = found.length or _length_from_next(buffer, offset)
    if found.end > length:
        raise RecordError(Refusal.BAD_HEADER, f"blockettes reach to {found.end} of {length} bytes")
    if fixed.n_samples and not _V2_BE.size <= fixed.data_offset < length:
        raise RecordError(Refusal.BAD_HEADER, f"samples start at {fixed.data_offset} of {length} bytes")
    rate_hz = found.sample_rate_hz or _rate_hz(fixed.rate_factor, fixed.rate_multiplier)
    return RecordHeader(
        version=2,
        length=length,
        codes=fixed.codes,
        start_ns=start_ns,
        n_samples=fixed.n_samples,
        sample_rate_hz=checked_rate_hz(rate_hz, fixed.n_samples),
        encoding=found.encoding,
        data_offset=fixed.data_offset,
        is_data_big_endian=big_endian if found.is_data_big_endian is None else found.is_data_big_endian,
        is_clock_locked=bool(fixed.clock & 0x20),
        is_time_questionable=bool(fixed.quality & 0x80),
        is_leap_second=fixed.second == 60,
        timing_quality=found.timing_quality,
    )


def _header_v3(fixed: _V3Fixed) -> RecordHeader:
    if fixed.nanosecond >= NS_PER_S:
        raise RecordError(Refusal.BAD_TIME, f"{fixed.nanosecond} nanoseconds")
    rate_hz = -1 / fixed.rate if fixed.rate < 0 else fixed.rate
    return RecordHeader(
        version=3,
        length=fixed.length,
        codes=fixed.codes,
        start_ns=time_ns(fixed.year, fixed.day, fixed.hour, fixed.minute, fixed.second) + fixed.nanosecond,
        n_samples=fixed.n_samples,
        sample_rate_hz=checked_rate_hz(rate_hz, fixed.n_samples),
        encoding=fixed.encoding,
        data_offset=fixed.data_offset,
        is_data_big_endian=fixed.encoding in _STEIM,
        is_clock_locked=bool(fixed.flags & 0x04),
        is_time_questionable=bool(fixed.flags & 0x02),
        is_leap_second=fixed.second == 60,
        timing_quality=None,
    )


def _blockettes(
    buffer: Buffer, offset: int, link: int, *, big_endian: bool, until_length: bool = False
) -> _Blockettes:
    """Follow the chain of blockettes; the stated number of them is often wrong and is not used."""
    found = _Blockettes()
    links = _LINK_BE if big_endian else _LINK_LE
    previous, limit = _V2_BE.size - 4, MAX_RECORD_BYTES
    while link:
        if not previous + 4 <= link <= limit - 8:
            raise RecordError(Refusal.BAD_HEADER, f"blockette chain goes from {previous} to {link}")
        at = offset + link
        if at + 8 > len(buffer):
            raise _NeedMoreError
        previous, found.end = link, link + 8
        kind, link = links.unpack_from(buffer, at)
        if kind == 1000:
            exponent = buffer[at + 6]
            if not MIN_RECORD_BYTES <= 1 << exponent <= MAX_RECORD_BYTES:
                raise RecordError(Refusal.BAD_HEADER, f"record of 2^{exponent} bytes")
            limit = found.length = 1 << exponent
            found.encoding, found.is_data_big_endian = buffer[at + 4], bool(buffer[at + 5])
            if found.end > limit:
                raise RecordError(Refusal.BAD_HEADER, f"blockette 1000 of {limit} bytes at {previous}")
            if until_length:
                break
        elif kind == 1001:
            found.timing_quality = buffer[at + 4]
            found.microseconds = buffer[at + 5] - (256 if buffer[at + 5] > 127 else 0)
        elif kind == 100:
            found.sample_rate_hz = (_RATE_BE if big_endian else _RATE_LE).unpack_from(buffer, at + 4)[0]
    return found


def _length_from_next(buffer: Buffer, offset: int) -> int:
    length = MIN_RECORD_BYTES
    while length <= MAX_RECORD_BYTES and offset + length <= len(buffer):
        if offset + length == len(buffer) or _is_record(buffer, offset + length):
            return length
        length *= 2
    raise RecordError(Refusal.UNKNOWN_LENGTH, "no blockette 1000 and no next record")


def _is_record(buffer: Buffer, offset: int) -> bool:
    try:
        if _version(buffer, offset) == 3:
            return True
        fixed, _ = _v2(buffer, offset)
    except (RecordError, _NeedMoreError):
        return False
    return is_day(fixed.year, fixed.day)


def _rate_hz(factor: int, multiplier: int) -> float:
    """Compute the sampling rate from its factors, of which a negative one divides (SEED 2.4)."""
    if not factor or not multiplier:
        return 0.0
    rate_hz = float(factor) if factor > 0 else -1.0 / factor
    return rate_hz * multiplier if multiplier > 0 else -rate_hz / multiplier
