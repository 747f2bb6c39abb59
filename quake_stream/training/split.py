"""Training or validation, by name alone: the same in every set and on every machine."""

import zlib
from typing import Final

from quake_stream.training.examples import Split

VAL_SHARE: Final = 6  # every sixth station or event, by a hash of its name, is for validation
VAL_STATIONS: Final = frozenset(
    {"GS.GS030", "NX.USC6", "TR.EGG04", "TR.GOL05", "UT.STN18", "VI.S1", "XX.EB000", "XX.GIO06", "XX.TCBS4"}
)
"""Sites of human and impulsive noise that the hash alone would not give to validation."""


def split_of(name: str) -> Split:
    """Side of a station (``NET.STA``), or of an event."""
    return "val" if name in VAL_STATIONS or zlib.crc32(name.encode()) % VAL_SHARE == 0 else "train"
