"""Read since when messages are wanted: a time, or how long ago.  Pure; now is an argument."""

import re

from quake_stream.publish.iso8601 import parse_utc
from quake_stream.types import NS_PER_S

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGO = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])")


def parse_since(text: str, *, now_ns: int) -> int:
    """
    Read ``90s``, ``15m``, ``1h``, ``2d`` (before now) or a UTC time; returns UTC nanoseconds.

    Raises
    ------
    ValueError
        The text is neither.
    """
    found = _AGO.fullmatch(text)
    if found is not None:
        return now_ns - round(float(found[1]) * _UNITS_S[found[2]] * NS_PER_S)
    try:
        return parse_utc(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is neither a duration such as 1h nor a UTC time: {error}") from error
