"""
Names of instruments and of their components, by the FDSN source identifier.

https://docs.fdsn.org/projects/source-identifiers.  `SourceId` is the only crossing between NSLC codes and
source identifiers.
"""

import re
from dataclasses import dataclass
from typing import Self

_CODE = re.compile(r"[A-Za-z0-9-]{0,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentId:
    """
    One sensor: the unit of detection.

    Not "station": velocity (HH) and acceleration (HN) sensors share a station and location code.
    ``location`` is empty where the field is blank.
    """

    network: str
    station: str
    location: str
    band: str
    source: str

    @property
    def nsl(self) -> str:
        """``NET.STA``: how operators name the site."""
        return f"{self.network}.{self.station}"

    def __str__(self) -> str:
        """NSLC without component, blank location as ``--``: ``IU.ANMO.00.BH``, ``CX.PB01.--.HH``."""
        return f"{self.network}.{self.station}.{self.location or '--'}.{self.band}{self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceId:
    """One component of an instrument: where samples come from."""

    network: str
    station: str
    location: str
    band: str
    source: str
    subsource: str

    @classmethod
    def from_codes(cls, network: str, station: str, location: str, channel: str) -> Self:
        """
        Build from SEED codes; blanks and ``--`` mean an empty location.

        Raises
        ------
        ValueError
            A code holds a character that FDSN does not allow or more than eight, or the channel is neither
            ``BHZ`` (three letters) nor ``B_H_Z`` (FDSN, up to eight characters each).
        """
        location = "" if location.strip() == "--" else location.strip()
        channel = channel.strip()
        parts = channel.split("_") if "_" in channel else list(channel)
        if len(parts) != 3:
            raise ValueError(f"channel code {channel!r} has no band, source and subsource")
        codes = (network.strip(), station.strip(), location, *parts)
        if not all(_CODE.fullmatch(code) for code in codes) or not codes[1]:
            raise ValueError(f"codes {codes!r} are not up to eight letters, digits and dashes")
        return cls(
            network=codes[0],
            station=codes[1],
            location=location,
            band=parts[0],
            source=parts[1],
            subsource=parts[2],
        )

    @classmethod
    def from_nslc(cls, nslc: str) -> Self:
        """Build from ``IU.ANMO.00.BHZ``; raises ValueError as `from_codes` does."""
        parts = nslc.split(".")
        if len(parts) != 4:
            raise ValueError(f"{nslc!r} is not NET.STA.LOC.CHA")
        return cls.from_codes(*parts)

    @classmethod
    def from_fdsn(cls, sid: str) -> Self:
        """Build from ``FDSN:IU_ANMO_00_B_H_Z``; raises ValueError as `from_codes` does."""
        parts = sid.removeprefix("FDSN:").split("_")
        if not sid.startswith("FDSN:") or len(parts) != 6:
            raise ValueError(f"{sid!r} is not FDSN:NET_STA_LOC_BAND_SOURCE_SUBSOURCE")
        return cls.from_codes(parts[0], parts[1], parts[2], "_".join(parts[3:]))

    @property
    def channel(self) -> str:
        """SEED channel code (``BHZ``), or FDSN's ``BAND_SOURCE_SUBSOURCE`` where a code is longer."""
        codes = (self.band, self.source, self.subsource)
        return "".join(codes) if all(len(code) == 1 for code in codes) else "_".join(codes)

    @property
    def nslc(self) -> str:
        """``IU.ANMO.00.BHZ``, a blank location between two dots."""
        return f"{self.network}.{self.station}.{self.location}.{self.channel}"

    @property
    def instrument(self) -> InstrumentId:
        """The sensor that this component belongs to."""
        return InstrumentId(
            network=self.network,
            station=self.station,
            location=self.location,
            band=self.band,
            source=self.source,
        )

    def __str__(self) -> str:
        """FDSN source identifier: ``FDSN:IU_ANMO_00_B_H_Z``."""
        codes = (self.network, self.station, self.location, self.band, self.source, self.subsource)
        return f"FDSN:{'_'.join(codes)}"
