"""
Values that cross the borders between modules; nothing else.

All are frozen.  Times are UTC integer nanoseconds since 1970 (``_ns``), intervals are half-open.
Names follow the FDSN source identifier (https://docs.fdsn.org/projects/source-identifiers); `SourceId`
is the only crossing between NSLC codes and source identifiers.
"""

import enum
import math
import re
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a SeedLink stream has been read: enough to ask the server for what follows."""

    server: str
    network: str
    station: str
    sequence: int
    start_ns: int  # start of the record that carries this sequence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Packet:
    """
    Samples of one record, decoded.

    ``samples`` is a read-only one-dimensional array in counts (int32, float32 or float64);
    ``received_ns`` is the arrival time, on replay from files the end of the record itself.
    """

    source_id: SourceId
    start_ns: int
    sample_rate_hz: float
    samples: NDArray[np.generic]
    received_ns: int
    position: Position | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.samples)

    @property
    def end_ns(self) -> int:
        """Time of the sample that would follow the last one."""
        return self.start_ns + round(self.n_samples * NS_PER_S / self.sample_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Samples that did not come: ``start_ns`` (first missing) to ``end_ns`` (first present again)."""

    source_id: SourceId
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """
    One window of an instrument that is complete; its samples stay in the ring until the batch is built.

    ``start_index`` counts samples at the model's rate since 1970, so it does not depend on when the
    service started; ``components`` are the subsource codes in the model's channel order.
    """

    instrument_id: InstrumentId
    start_index: int
    start_ns: int
    end_ns: int
    components: tuple[str, ...]
    received_ns: int  # arrival of the packet that completed the window
    level_db: float = math.nan  # of the ground motion at its end, re 1 count rms; NaN: not known
    vertical_db: float = math.nan  # of that motion: vertical over horizontal; NaN: not known


class DetectionState(enum.StrEnum):
    """Life cycle of a detection: ``new``, any number of ``update``, then ``end`` or ``retract``."""

    NEW = "new"
    UPDATE = "update"
    END = "end"
    RETRACT = "retract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """
    Where the time went between the end of the triggering window and the message, in seconds.

    ``data_s``: end of window → arrival of its last sample; ``queue_s``: → start of inference;
    ``inference_s``: → scores.  Each is at least 0: a station clock that is ahead is no negative latency.
    """

    data_s: float
    queue_s: float
    inference_s: float

    @property
    def total_s(self) -> float:
        """Sum of the parts."""
        return self.data_s + self.queue_s + self.inference_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """
    One message of the life of one detection.

    ``id`` is a hash of model, instrument and the index of the triggering window, so it is the same after
    a restart and on replay.  ``probabilities`` are those of the window with the highest probability of
    ``class_name`` so far, in the order of the model's classes.
    """

    id: str
    instrument_id: InstrumentId
    channels: tuple[str, ...]
    state: DetectionState
    revision: int
    on_ns: int
    off_ns: int | None
    peak_ns: int
    onset_ns: int
    onset_uncertainty_s: float
    class_name: str
    probabilities: tuple[tuple[str, float], ...]
    peak_probability: float
    n_windows: int
    amplitude_counts: float
    snr_db: float | None
    latency: Latency
    reason: str = ""  # why it ended or was retracted: off, gap, max_duration, retrigger, too_short, shutdown


@dataclass(frozen=True, slots=True, kw_only=True)
class RestPoint:
    """State of an instrument with no detection open, from which a new process goes on."""

    decided_ns: int  # windows that end by then have been judged
    needed_ns: int  # no sample before this bears on the windows after them
    is_armed: bool  # whether the next window may begin a detection


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """
    What a model needs to be served rightly; it travels with the weights and is checked at load.

    Windows have ``n_samples`` at ``sample_rate_hz``; ``component_sets`` names the sets of components that
    the model accepts (keys of `quake_stream.windowing.components.COMPONENT_SETS`), best first;
    ``transform`` names the feature transform; ``highpass_hz`` is 0 where no filter is wanted;
    ``on`` and ``off`` are the recommended thresholds on the sum of the probabilities of
    ``trigger_classes``.
    """

    name: str
    version: str
    sha256: str
    sample_rate_hz: float
    n_samples: int
    component_sets: tuple[str, ...]
    highpass_hz: float
    transform: str
    classes: tuple[str, ...]
    trigger_classes: tuple[str, ...]
    on: float
    off: float
    min_windows: int
    hop_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """
    Windows of many instruments with their features, ready for the model.

    ``features`` is float32 [batch, bins, channels]; row i belongs to ``windows[i]``.
    """

    windows: tuple[Window, ...]
    features: NDArray[np.float32]
    created_ns: int
