"""
Move a record in time by rewriting the start in its header; samples stay untouched.  Pure.

Layouts: SEED 2.4 manual, chapter 3 (BTIME) and chapter 8 (fixed section of the data header), and
https://docs.fdsn.org/projects/miniseed3.
"""

import struct
from datetime import UTC, datetime, timedelta

from quake_stream.types import NS_PER_S

TICK_NS = 100_000  # BTIME counts in 0.1 ms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CASTAGNOLI = 0x82F63B78  # reversed polynomial of CRC-32C


def shift_record(record: bytes, shift_ns: int) -> bytes:
    """
    Return the record with its start moved by ``shift_ns``.

    The shift is a multiple of `TICK_NS`, so the start field holds it exactly and what refines that
    field (time correction, microseconds of blockette 1001) stays right as it is.  A record of version 3
    gets a new checksum.

    Raises
    ------
    ValueError
        The shift is no multiple of `TICK_NS`, or the header holds no date.
    """
    if shift_ns % TICK_NS:
        raise ValueError(f"a shift of {shift_ns} ns is no multiple of {TICK_NS} ns")
    return _shift_v3(record, shift_ns) if record[:2] == b"MS" else _shift_v2(record, shift_ns)


def crc32c(data: bytes | bytearray) -> int:
    """CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of miniSEED 3."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_CASTAGNOLI if byte & 1 else 0)
    return byte


_CRC_TABLE = tuple(_crc_of(byte) for byte in range(256))


def _shift_v2(record: bytes, shift_ns: int) -> bytes:
    order = ">" if 1900 <= int.from_bytes(record[20:22], "big") <= 2100 else "<"
    year, day, hour, minute, second, tick = struct.unpack_from(f"{order}HHBBBxH", record, 20)
    start_ns = _ns(year, day, hour, minute, second) + tick * TICK_NS + shift_ns
    *date, rest_ns = _date(start_ns)
    btime = struct.pack(f"{order}HHBBBxH", *date, rest_ns // TICK_NS)
    return record[:20] + btime + record[30:]


def _shift_v3(record: bytes, shift_ns: int) -> bytes:
    rest_ns, year, day, hour, minute, second = struct.unpack_from("<IHHBBB", record, 4)
    start_ns = _ns(year, day, hour, minute, second) + rest_ns + shift_ns
    *date, rest_ns = _date(start_ns)
    shifted = bytearray(record)
    struct.pack_into("<IHHBBB", shifted, 4, rest_ns, *date)
    struct.pack_into("<I", shifted, 28, 0)  # the checksum is taken with its own field at zero
    struct.pack_into("<I", shifted, 28, crc32c(shifted))
    return bytes(shifted)


def _ns(year: int, day: int, hour: int, minute: int, second: int) -> int:
    """UTC nanoseconds of a date; second 60 is the second that follows."""
    past = datetime(year, 1, 1, tzinfo=UTC) - _EPOCH
    return ((((past.days + day - 1) * 24 + hour) * 60 + minute) * 60 + second) * NS_PER_S


def _date(time_ns: int) -> tuple[int, int, int, int, int, int]:
    """Year, day of the year, hour, minute, second and the nanoseconds that remain."""
    seconds, rest_ns = divmod(time_ns, NS_PER_S)
    date = _EPOCH + timedelta(seconds=seconds)
    return date.year, date.timetuple().tm_yday, date.hour, date.minute, date.second, rest_ns
