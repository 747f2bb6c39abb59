"""
What the modules of this folder share: a record's facts, and why a record is refused.  Pure.

It knows no byte layout; that is `header`'s.
"""

import enum
import math
from dataclasses import dataclass
from functools import lru_cache
from mmap import mmap

from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

Buffer = bytes | bytearray | memoryview | mmap

MIN_RECORD_BYTES = 128  # of version 2; a version 3 record may be as short as its header
MAX_RECORD_BYTES = 65_536

_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_MAX_SPAN_S = 100 * 366 * 86_400  # keeps every record end within 64-bit nanoseconds


class Refusal(enum.StrEnum):
    """Why a record was refused; the ``reason`` of counters."""

    NOT_MINISEED = "not_miniseed"
    TRUNCATED = "truncated"
    BAD_HEADER = "bad_header"
    UNKNOWN_LENGTH = "unknown_length"  # version 2 without blockette 1000, and no next record to tell
    BAD_TIME = "bad_time"
    BAD_RATE = "bad_rate"
    BAD_CODES = "bad_codes"
    NO_SAMPLES = "no_samples"  # text, log and event records: nothing to detect on, and no error
    UNKNOWN_ENCODING = "unknown_encoding"
    BAD_PAYLOAD = "bad_payload"


class RecordError(Exception):
    """
    A record was refused.

    ``station`` is ``NET.STA`` where the record has legible codes, else empty: ready for a counter.
    """

    def __init__(self, reason: Refusal, detail: str = "", *, station: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.station = station


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHeader:
    """
    What a record says about itself; its samples stay undecoded.

    ``codes`` is raw (version 2: station, location, channel and network in 12 bytes; version 3: the source
    identifier).  ``sample_rate_hz`` is 0 for records that hold no series.  ``encoding`` is None where the
    record does not say.  ``start_ns`` includes the time correction and the microseconds of blockette 1001;
    a leap second (``23:59:60``) counts as the second that follows it, and ``is_leap_second`` says so.
    """

    version: int
    length: int
    codes: bytes
    start_ns: int
    n_samples: int
    sample_rate_hz: float
    encoding: int | None
    data_offset: int
    is_data_big_endian: bool
    is_clock_locked: bool
    is_time_questionable: bool
    is_leap_second: bool
    timing_quality: int | None  # percent, from blockette 1001

    @property
    def end_ns(self) -> int:
        """Time of the sample that would follow the last one; the start where there is no series."""
        if self.sample_rate_hz == 0:
            return self.start_ns
        return self.start_ns + round(self.n_samples * NS_PER_S / self.sample_rate_hz)

    @property
    def source_id(self) -> SourceId:
        """Whose samples these are; raises RecordError (``bad_codes``)."""
        try:
            return _source_id(self.version, self.codes)
        except ValueError as exc:
            raise RecordError(Refusal.BAD_CODES, str(exc)) from exc

    @property
    def station(self) -> str:
        """``NET.STA``, or empty where the codes are illegible."""
        return station_of(self.version, self.codes)


def station_of(version: int, codes: bytes) -> str:
    """Read ``NET.STA`` from the raw codes of a record; empty where they are illegible."""
    try:
        source_id = _source_id(version, codes)
    except ValueError:
        return ""
    return f"{source_id.network}.{source_id.station}"


# A feed has a few thousand streams, and each of its records asks; a memo of pure facts is no state.
@lru_cache(maxsize=16_384)
def _source_id(version: int, codes: bytes) -> SourceId:
    text = codes.decode("ascii").replace("\0", " ")
    if version == 3:
        return SourceId.from_fdsn(text)
    return SourceId.from_codes(text[10:12], text[:5], text[5:7], text[7:10])


def is_day(year: int, day: int) -> bool:
    """Whether year and day of the year are plausible; also tells byte orders apart."""
    return _FIRST_YEAR <= year <= _LAST_YEAR and 1 <= day <= 366


def time_ns(year: int, day: int, hour: int, minute: int, second: int) -> int:
    """UTC nanoseconds since 1970 of a date with day of the year; raises RecordError (``bad_time``)."""
    is_leap_year = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not is_day(year, day) or day > 365 + is_leap_year or hour > 23 or minute > 59 or second > 60:
        raise RecordError(Refusal.BAD_TIME, f"{year},{day},{hour}:{minute}:{second}")
    past = year - 1
    days = 365 * (year - 1970) + past // 4 - past // 100 + past // 400 - 477 + day - 1
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * NS_PER_S


def checked_rate_hz(rate_hz: float, n_samples: int) -> float:
    """Pass a sampling rate on if a record can have it; raises RecordError (``bad_rate``)."""
    if rate_hz == 0:
        return 0.0
    if not (math.isfinite(rate_hz) and 0 < rate_hz <= 1e6 and n_samples / rate_hz <= _MAX_SPAN_S):
        raise RecordError(Refusal.BAD_RATE, f"{n_samples} samples at {rate_hz} Hz")
    return rate_hz
