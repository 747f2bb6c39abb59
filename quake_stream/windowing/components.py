"""
Which components of an instrument make up the channels of a model; nothing about samples.

A model card names the sets that it accepts, best first.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType

LONE = "1C"

COMPONENT_SETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ZNE": ("Z", "N", "E"),
        "Z12": ("Z", "1", "2"),
        "123": (
            "3",
            "1",
            "2",
        ),  # FDSN leaves orientations free; where all three are digits, 3 is the vertical
        "ZXY": ("Z", "X", "Y"),
        "Z": ("Z",),
        LONE: (),  # any one component, whatever it is called, provided that it is the only one
    }
)
"""Subsource codes in channel order (vertical, then the horizontals) by name of the set."""


def choose_set(present: AbstractSet[str], accepted: Sequence[str]) -> tuple[str, ...] | None:
    """
    Codes, in channel order, of the first accepted set that is present in whole.

    Parameters
    ----------
    present
        Subsource codes that the instrument has.
    accepted
        Keys of `COMPONENT_SETS`, best first.

    Returns
    -------
    tuple of str or None
        None where no accepted set is complete.

    Raises
    ------
    KeyError
        ``accepted`` names an unknown set.
    """
    for name in accepted:
        codes = COMPONENT_SETS[name]
        if name == LONE:
            if len(present) == 1:
                return tuple(present)
        elif present >= set(codes):
            return codes
    return None


def is_useful(code: str, accepted: Sequence[str]) -> bool:
    """Whether a component of this subsource code is part of any accepted set."""
    return any(name == LONE or code in COMPONENT_SETS[name] for name in accepted)
