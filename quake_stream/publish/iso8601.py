"""Times of messages: UTC nanoseconds ↔ ISO 8601 text.  Pure; no time zones but UTC, no leap seconds."""

import re
from datetime import UTC, datetime, timedelta

from quake_stream.types import NS_PER_S

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z")


def format_utc(time_ns: int) -> str:
    """
    Write a time as ``2010-05-27T16:24:33.315000000Z``, always with nine decimals.

    Raises
    ------
    ValueError
        The time is outside the years 1 to 9999.
    """
    seconds, fraction_ns = divmod(time_ns, NS_PER_S)
    try:
        whole = _EPOCH + timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError(f"{time_ns} ns since 1970 is outside the years 1 to 9999") from error
    # isoformat, as strftime("%Y") drops the leading zeros of early years on Linux
    return f"{whole.replace(tzinfo=None).isoformat()}.{fraction_ns:09d}Z"


def parse_utc(text: str) -> int:
    """
    Read a time with none to nine decimals and a ``Z``; returns UTC nanoseconds since 1970.

    Raises
    ------
    ValueError
        The text is no such time; this includes second 60 of a leap second.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a UTC time such as 2010-05-27T16:24:33.315Z")
    whole = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) - _EPOCH
    fraction_ns = int((found[2] or "").ljust(9, "0"))
    return (whole.days * 86_400 + whole.seconds) * NS_PER_S + fraction_ns
