"""Where recordings come from: licence and citation for the card, and the kind of instrument."""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

INSTRUMENTS: Final = MappingProxyType(
    {"H": "seismometer", "L": "seismometer", "N": "accelerometer", "P": "geophone"}
)
"""Kinds of instrument by the second letter of a channel code (SEED manual, appendix A)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Terms of a set of recordings, and what to cite; "" where unknown."""

    licence: str = ""
    citation: str = ""


_INSTANCE: Final = Source(licence="CC BY 4.0", citation="Michelini et al. 2021, doi:10.13127/INSTANCE")
_PNW: Final = Source(licence="CC BY 4.0", citation="Ni et al. 2023, doi:10.26443/seismica.v2i1.368")
KNOWN: Final = MappingProxyType(
    {
        "stead": Source(licence="CC BY 4.0", citation="Mousavi et al. 2019, doi:10.1109/ACCESS.2019.2947848"),
        "instancecounts": _INSTANCE,
        "instancegm": _INSTANCE,
        "instancenoise": _INSTANCE,
        "pnw": _PNW,
        "pnwaccelerometers": _PNW,
        "pnwexotic": _PNW,
        "pnwnoise": _PNW,
    }
)
"""Sets by the name of the folder that SeisBench keeps them in; their files do not say it."""


def read_source(folder: Path) -> Source:
    """
    Find the terms of a set: lines ``Licence:`` and ``Citation:`` (or ``Repository:``) of its SOURCE.txt.

    Without that file, what is known of a set of this name; empty where nothing is.
    """
    file = folder / "SOURCE.txt"
    if not file.is_file():
        return KNOWN.get(folder.name.lower(), Source())
    said: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            said.setdefault(name, value.strip())
    citation = said.get("Citation") or said.get("Repository", "")
    return Source(licence=said.get("Licence", ""), citation=citation)
